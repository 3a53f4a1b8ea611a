"""A change before it is committed: what it does to each node; committing it; refusals; conflicts.

Everything that pages commit comes through here: edits, new files, deletions, renames, reverts, what
is put from a node, and what came of a conflict. Services decide; who may not is refused here.
"""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, resolve_url

from cluster_admin.accounts.roles import Role
from cluster_admin.accounts.services import actor_of, allowed
from cluster_admin.audit import services as audit
from cluster_admin.configs import services
from cluster_admin.configs.conflicts import HistoriesDifferError
from cluster_admin.configs.proposal_rules import reviewed
from cluster_admin.configs.refusals import Refused
from cluster_admin.configs.store import repository
from cluster_admin.configs.submitting import submit
from cluster_admin.configs.waiting import wait_for_replica
from cluster_admin.dashboard.config_affected import affected, in_repository
from cluster_admin.dashboard.config_conflicts import files_of
from cluster_admin.dashboard.config_proposals import Proposal, Unreadable, from_form
from cluster_admin.dashboard.config_scope import denial
from cluster_admin.dashboard.views.base import answer, common
from cluster_admin.dashboard.views.config_base import PLACE, ConfigPage, newest_number
from cluster_admin.inventory.refusals import Refused as NotMade
from workers.config.errors import ConfigError
from workers.repository.errors import (
    BusyError,
    ConflictError,
    NothingChangedError,
    RepositoryError,
    TextError,
)

TRIED = "preview"
"""Stands for the message while there is none."""
HOLDERS_SHOWN = 5
EXPECTED = (
    *(Refused, NotMade, TextError, NothingChangedError, BusyError, ConfigError),
    HistoriesDifferError,
)
"""What can be wrong with a change; other errors are the repository's own trouble."""


class Reviewing(ConfigPage):
    """A page that answers forms with the review of a change."""

    http_method_names: Sequence[str] = ("post",)

    def post(self, request: HttpRequest, **named: Any) -> HttpResponseBase:
        """Read the form, and go on with it."""
        try:
            return self.answer_to(request, **named)
        except Unreadable as error:
            messages.error(request, str(error))
            return redirect("dashboard:config")

    def answer_to(self, request: HttpRequest, **named: Any) -> HttpResponseBase:
        """What comes of the form; may raise `Unreadable`."""
        raise AssertionError("each page says it")

    def review(self, request: HttpRequest, proposal: Proposal) -> HttpResponseBase:
        """Show what a change would do; conflicts and refusals instead, if there are any."""
        if why := denial(request.user, proposal.changes):
            return denied(request, proposal, why)
        message = proposal.message or TRIED
        try:
            made = services.commit(
                actor_of(request),
                proposal.changes,
                message,
                base=proposal.base,
                dry_run=True,
                add_segments=allowed(request.user, Role.ADMIN),
            )
        except ConflictError as conflict:
            return self.conflict(request, proposal, conflict)
        except EXPECTED as error:
            return self.refused(request, proposal, error)
        nodes = affected(made.previews)
        return self.page(request, proposal, {"affected": nodes})

    def commit(self, request: HttpRequest, proposal: Proposal) -> HttpResponseBase:
        """Make a change the next revision, and show that."""
        if why := denial(request.user, proposal.changes):
            return denied(request, proposal, why)
        actor = actor_of(request)
        try:
            made = submit(
                actor,
                proposal.changes,
                proposal.message,
                base=proposal.base,
                key=proposal.key,
                add_segments=allowed(request.user, Role.ADMIN),
            )
        except ConflictError as conflict:
            return self.conflict(request, proposal, conflict)
        except EXPECTED as error:
            audit.record(
                actor,
                "commit",
                kind="configuration",
                object=proposal.title,
                outcome="refused",
                reason=str(error),
            )
            return self.refused(request, proposal, error)
        if not isinstance(made, services.Made):
            messages.success(request, "Nothing is committed yet: another person has to approve it.")
            return redirect("dashboard:config-proposal", made.pk)
        messages.success(request, f"r{made.head} is committed; {held(made.head)}")
        return redirect("dashboard:config-revision", made.head)

    def conflict(
        self, request: HttpRequest, proposal: Proposal, conflict: ConflictError
    ) -> HttpResponse:
        """Three panes for each file, and a result to write."""
        context = {
            "title": proposal.title,
            "proposal": proposal,
            "packed": proposal.packed,
            "conflict": conflict,
            "sides": files_of(conflict.paths, conflict.base, conflict.head),
        }
        return self.show(request, "conflict.html", context, 409)

    def refused(self, request: HttpRequest, proposal: Proposal, error: Exception) -> HttpResponse:
        """Every reason, with file and line, above the change."""
        found = error.problems if isinstance(error, Refused) else ()
        sentence = "Nothing was committed." if found else f"Nothing was committed: {error}."
        context = {"affected": None, "problems": found, "sentence": sentence}
        return self.page(request, proposal, context, 422)

    def page(
        self,
        request: HttpRequest,
        proposal: Proposal,
        context: dict[str, Any],
        status: int = 200,
    ) -> HttpResponse:
        """The review."""
        there = [path for path in proposal.changes if path in repository().tree(proposal.base)]
        shown = {
            "title": proposal.title,
            "proposal": proposal,
            "packed": proposal.packed,
            "back": resolve_url("dashboard:config-file", there[0])
            if len(there) == 1
            else resolve_url("dashboard:config"),
            "files": in_repository(proposal.base, proposal.changes),
            "guarded": sorted(reviewed(services.places(proposal.changes))),
        }
        return self.show(request, "review.html", shown | context, status)


class Commit(Reviewing):
    """The button below a review."""

    def answer_to(self, request: HttpRequest, **named: Any) -> HttpResponseBase:
        """Commit."""
        proposal = from_form(request.POST)
        if not proposal.message:
            messages.error(request, "say in a line what the change is for")
            return self.review(request, proposal)
        return self.commit(request, proposal)


def held(number: int) -> str:
    """Who holds a revision besides the manager, as the end of a sentence."""
    try:
        names = wait_for_replica(number)
    except RepositoryError as error:
        return f"who holds it is not known: {error}"
    if not names:
        return "no node holds it yet: the manager's disk alone has it"
    more = len(names) - HOLDERS_SHOWN
    named = ", ".join(names[:HOLDERS_SHOWN]) + (f" and {more} more" if more > 0 else "")
    return f"{named} hold{'s' if len(names) == 1 else ''} it too"


def denied(request: HttpRequest, proposal: Proposal, why: str) -> HttpResponse:
    """Say who may, and keep the attempt."""
    tops = services.places(proposal.changes)
    audit.record(
        actor_of(request),
        "commit",
        kind="configuration",
        object=proposal.title,
        subcluster=tops.pop() if len(tops) == 1 else "",
        outcome="denied",
        reason=why,
    )
    context = common(request) | {"sentence": why, "place": PLACE}
    return answer(request, "dashboard/denied.html", context, 403)


def base_of(request: HttpRequest) -> int:
    """The revision that a form was made to; the newest when it does not say, or says nonsense."""
    newest = newest_number()
    text = request.POST.get("base", "")
    return (
        min(int(text), newest) if text.isascii() and text.isdigit() and len(text) < 16 else newest
    )
