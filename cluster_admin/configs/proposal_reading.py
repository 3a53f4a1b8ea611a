"""Proposals as their readers see them: which, what each changes, and what it would do now.

Whoever may read every place that a proposal touches sees it. Nothing is decided here.
"""

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from cluster_admin.accounts.roles import Role
from cluster_admin.accounts.services import allowed, allowed_anywhere, readable
from cluster_admin.audit.actor import Actor
from cluster_admin.configs import scope, services
from cluster_admin.configs.previewing import Preview
from cluster_admin.configs.proposal_deciding import changes_of, objection
from cluster_admin.configs.proposal_models import Proposal, ProposalPlace
from cluster_admin.configs.refusals import Problem, Refused
from cluster_admin.configs.store import repository
from workers.config.errors import ConfigError
from workers.repository.core.changes import Changes
from workers.repository.errors import (
    ConflictError,
    NothingChangedError,
    RepositoryError,
)

OPEN = Proposal.State.OPEN


@dataclass(frozen=True, slots=True)
class Outlook:
    """What an approval would do now."""

    previews: tuple[Preview, ...] = ()
    """Of the nodes that the reader may see."""
    obstacle: str = ""
    """Why it would be refused; empty: it would not."""
    problems: tuple[Problem, ...] = ()
    conflicts: tuple[str, ...] = ()
    """Paths that others changed since in the same lines."""


def visible(user: Any) -> QuerySet[Proposal]:
    """Those that a user may read, the newest first, without their changes."""
    rows = Proposal.objects.defer("packed").prefetch_related("places")
    tops = scope.tops(user)
    if tops is None:
        return rows
    elsewhere = ProposalPlace.objects.exclude(name__in=tops).values("proposal")
    return rows.exclude(pk__in=elsewhere) if tops else rows.none()


def waiting_for(user: Any) -> list[Proposal]:
    """The open ones that a user may decide."""
    if not allowed_anywhere(user, Role.APPROVER):
        return []
    return [row for row in visible(user).filter(state=OPEN) if not objection(user, row)]


def base_of(proposal: Proposal) -> int:
    """What its change is shown against: its base, or the newest revision where that is lost."""
    head = repository().head()
    return min(proposal.base, 0 if head is None else head.number)


def outlook(user: Any, proposal: Proposal, changes: Changes | None = None) -> Outlook:
    """What would come of approving an open proposal now, for its reader."""
    changes = changes_of(proposal) if changes is None else changes
    author = proposal.account
    try:
        made = services.commit(
            Actor(proposal.author),
            changes,
            proposal.message,
            base=proposal.base,
            dry_run=True,
            add_segments=allowed(author, Role.ADMIN),
        )
    except ConflictError as error:
        return Outlook(obstacle=str(error), conflicts=tuple(error.paths))
    except Refused as error:
        return Outlook(obstacle=error.sentence, problems=error.problems)
    except (NothingChangedError, ConfigError, RepositoryError) as error:
        return Outlook(obstacle=str(error))
    names = readable(user)
    return Outlook(tuple(one for one in made.previews if names is None or one.subcluster in names))
