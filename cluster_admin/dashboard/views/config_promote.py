"""Promotion: choose two subclusters, see what changes where, commit it as one change.

The page's address says what is promoted, so that others can look at the same. What is committed is
worked out anew from the revisions that were shown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect

from cluster_admin.accounts.services import actor_of
from cluster_admin.configs import promoting, services
from cluster_admin.configs.places import Plan
from cluster_admin.configs.proposal_rules import reviewed as guarded_places
from cluster_admin.configs.refusals import Refused
from cluster_admin.dashboard import scope
from cluster_admin.dashboard.config_affected import affected, in_repository
from cluster_admin.dashboard.config_proposals import Proposal, key_of, message_of, new_key
from cluster_admin.dashboard.config_scope import denial, may_commit
from cluster_admin.dashboard.tables import number, word
from cluster_admin.dashboard.views.config_base import newest_number, sight
from cluster_admin.dashboard.views.config_review import EXPECTED, Reviewing
from workers.repository.core.paths import DEFAULT
from workers.repository.errors import NothingChangedError


@dataclass(frozen=True, slots=True)
class Choice:
    """What somebody wants promoted."""

    source: str
    target: str
    settings: bool
    revision: int | None
    """What the source was then; None: the newest."""

    @classmethod
    def of(cls, said: Mapping[str, str]) -> "Choice":
        """As an address or a form says."""
        settings, revision = said.get("settings") == "1", number(said, "revision", 0)
        return cls(word(said, "from"), word(said, "to"), settings, revision or None)

    def plan(self, base: int | None = None) -> Plan:
        """Work it out; raises what `promoting.promotion` raises."""
        return promoting.promotion(
            self.source,
            self.target,
            settings=self.settings,
            revision=self.revision,
            base=base,
        )


class Promote(Reviewing):
    """The choice, its review, and the button below it."""

    http_method_names: Sequence[str] = ("get", "head", "post")
    part = "dashboard/config/parts/promote.html"

    def context(self, request: HttpRequest, **named: str) -> dict[str, Any]:
        """What can be chosen, and what the choice would do."""
        chosen = Choice.of(request.GET)
        names = [one.name for one in scope.subclusters(request.user)]
        found = {
            "title": "Promote",
            "sources": names,
            "targets": [one for one in names if may_commit(request.user, f"{one}/{DEFAULT}/-")],
            "source": chosen.source,
            "target": chosen.target,
            "settings": chosen.settings,
            "newest_number": newest_number(),
        }
        if not chosen.source or not chosen.target:
            return found
        return found | reviewed(request, chosen)

    def answer_to(self, request: HttpRequest, **named: Any) -> HttpResponseBase:
        """Commit what was reviewed."""
        chosen = Choice.of(request.POST)
        refuse_unseen(request, chosen)
        title = f"Promote {chosen.source} to {chosen.target}"
        message = message_of(request.POST) or title
        key = key_of(request.POST)
        try:
            plan = chosen.plan(number(request.POST, "base", 0))
        except EXPECTED as error:
            messages.error(request, f"Nothing was promoted: {error}")
            return redirect("dashboard:config-promote")
        return self.commit(request, Proposal(title, plan.base, plan.changes, message, key))


def reviewed(request: HttpRequest, chosen: Choice) -> dict[str, Any]:
    """What a promotion would change in the repository and on the nodes, or why it cannot be."""
    refuse_unseen(request, chosen)
    try:
        plan = chosen.plan()
    except NothingChangedError as error:
        return {"note": f"{error}."}
    except Refused as error:
        return {"sentence": f"{error}."}
    found = {
        "plan": plan,
        "key": new_key(),
        "affected": None,
        "files": in_repository(plan.base, plan.changes),
        "guarded": sorted(guarded_places(services.places(plan.changes))),
    }
    if why := denial(request.user, plan.changes):
        return found | {"sentence": why}
    try:
        made = services.commit(
            actor_of(request), plan.changes, plan.message, base=plan.base, dry_run=True
        )
    except Refused as error:
        return found | {"sentence": "It cannot be committed.", "problems": error.problems}
    except EXPECTED as error:
        return found | {"sentence": f"It cannot be committed: {error}."}
    return found | {"affected": affected(made.previews)}


def refuse_unseen(request: HttpRequest, chosen: Choice) -> None:
    """404 for what the reader may not see, as if it were not there."""
    sees = sight(request)
    if not sees(chosen.source) or not sees(chosen.target):
        raise Http404
