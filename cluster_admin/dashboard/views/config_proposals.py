"""Proposals: which there are, one with all that it changes, and what is decided about it."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views import View

from cluster_admin.accounts.services import actor_of
from cluster_admin.audit import services as audit
from cluster_admin.audit.actor import Actor
from cluster_admin.configs import proposal_deciding as deciding
from cluster_admin.configs.proposal_models import Proposal
from cluster_admin.configs.proposal_reading import OPEN, base_of, outlook, visible
from cluster_admin.configs.refusals import DeniedError
from cluster_admin.configs.refusals import Refused as Unfit
from cluster_admin.configs.services import Made
from cluster_admin.dashboard.config_affected import affected, in_repository
from cluster_admin.dashboard.config_pages import paged
from cluster_admin.dashboard.config_proposal_rows import DEEDS, STATES, proposal_row
from cluster_admin.dashboard.tables import word
from cluster_admin.dashboard.views.base import answer, common
from cluster_admin.dashboard.views.config_base import PLACE, ConfigPage
from cluster_admin.dashboard.views.config_review import held
from cluster_admin.dashboard.views.operating import problem_with_reason
from cluster_admin.inventory.refusals import Refused
from workers.config.errors import ConfigError
from workers.repository.errors import RepositoryError

ROWS = 50
LISTED = 2_000
DECISIONS: dict[str, tuple[Callable[[Actor, Proposal, str], Made | Proposal], str]] = {
    "approve": (deciding.approve, "is approved"),
    "reject": (deciding.reject, "is rejected; nothing was committed"),
    "withdraw": (deciding.withdraw, "is withdrawn; nothing was committed"),
}
EXPECTED = (DeniedError, Refused, Unfit, RepositoryError, ConfigError)


class ConfigProposals(ConfigPage):
    """The open ones; others by the filter."""

    template, part = "dashboard/config/live.html", "dashboard/config/parts/proposals.html"

    def context(self, request: HttpRequest, **named: str) -> dict[str, Any]:
        """Those that the reader may see, the newest first."""
        deciding.settle()
        chosen = word(request.GET, "state") or OPEN.value
        rows = visible(request.user)
        if chosen in STATES:
            rows = rows.filter(state=chosen)
        pages = paged(list(rows[:LISTED]), request.GET, ROWS)
        return {
            "title": "Proposals",
            "rows": [proposal_row(request.user, one) for one in pages.rows],
            "pages": pages,
            "states": list(STATES),
            "chosen": chosen,
        }


class ConfigProposal(ConfigPage):
    """One proposal."""

    template, part = "dashboard/config/proposal.html", "dashboard/config/parts/proposed.html"

    def context(self, request: HttpRequest, **named: Any) -> dict[str, Any]:
        """What it changes; while it is open, what an approval would do now."""
        deciding.settle()
        row = get_object_or_404(visible(request.user), pk=named["number"])
        changes = deciding.changes_of(row)
        found: dict[str, Any] = {
            "one": proposal_row(request.user, row),
            "all_deeds": DEEDS,
            "files": in_repository(base_of(row), changes),
            "affected": None,
        }
        if row.state == OPEN:
            seen = outlook(request.user, row, changes)
            found |= {"outlook": seen, "problems": seen.problems}
            found["affected"] = None if seen.obstacle else affected(seen.previews)
        return found


class DecideProposal(LoginRequiredMixin, View):
    """Approving, rejecting, withdrawing."""

    http_method_names = ("post",)

    def post(self, request: HttpRequest, number: int) -> HttpResponse:
        """Do it, and show what came of it."""
        row = get_object_or_404(visible(request.user), pk=number)
        deed, comment = request.POST.get("deed", ""), request.POST.get("reason", "").strip()
        problem = problem_with_reason(comment)
        if deed not in DECISIONS:
            problem = f"{deed[:40]!r} is nothing to do with it; approve or reject it"
        if problem:
            messages.error(request, problem)
            return redirect("dashboard:config-proposal", number)
        decide, sentence = DECISIONS[deed]
        try:
            made = decide(actor_of(request), row, comment)
        except EXPECTED as error:
            return _refused(request, row, deed, error)
        if isinstance(made, Made) and made.revision is not None:
            at = made.revision.number
            messages.success(request, f"{row} {sentence}: r{at}; {held(at)}")
            return redirect("dashboard:config-revision", at)
        messages.success(request, f"{row} {sentence}")
        return redirect("dashboard:config-proposal", number)


def _refused(request: HttpRequest, row: Proposal, deed: str, error: Exception) -> HttpResponse:
    """Say why, and keep the attempt."""
    denied = isinstance(error, DeniedError)
    tops = row.tops()
    audit.record(
        actor_of(request),
        deed,
        kind="proposal",
        object=str(row),
        subcluster=tops.pop() if len(tops) == 1 else "",
        outcome="denied" if denied else "refused",
        reason=str(error),
    )
    if denied:
        context = common(request) | {"sentence": f"{error}.", "place": PLACE}
        return answer(request, "dashboard/denied.html", context, 403)
    messages.error(request, f"{row} stays as it is: {error}")
    return redirect("dashboard:config-proposal", row.pk)
