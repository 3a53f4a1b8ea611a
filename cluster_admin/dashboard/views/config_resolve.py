"""What comes of a conflict; taking a revision back; putting a node's edits into the repository."""

from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect

from cluster_admin.accounts.roles import Role
from cluster_admin.accounts.services import allowed
from cluster_admin.configs import drifting
from cluster_admin.configs.models import Replica
from cluster_admin.configs.rebasing import on_newest, revert_of
from cluster_admin.configs.refusals import Refused
from cluster_admin.configs.store import repository
from cluster_admin.dashboard import scope
from cluster_admin.dashboard.config_conflicts import resolved, unresolved
from cluster_admin.dashboard.config_proposals import Proposal, Unreadable, from_form, new_key
from cluster_admin.dashboard.views.config_base import newest_number, sight
from cluster_admin.dashboard.views.config_review import Reviewing, denied
from workers.repository.core.changes import Changes, Entry
from workers.repository.errors import BusyError, ConflictError
from workers.repository.trees import Listing

TRIES = 3
BROKEN = "the form is not whole: go back, load the page again"


class Resolve(Reviewing):
    """The form with the panes: each file is as written, as mine or as theirs."""

    def answer_to(self, request: HttpRequest, **named: Any) -> HttpResponseBase:
        """The review on top of the newest revision; the panes again if that was changed too."""
        proposal, head = from_form(request.POST), _head(request)
        listing = repository().tree(head)
        chosen = _chosen(request, proposal, listing)
        written = {path: entry for path, entry in chosen.items() if entry != _entry(listing, path)}
        for path in written:
            if (entry := written[path]) is not None and unresolved(entry.content):
                messages.warning(request, f"{path} still has the marks of the conflict in it")
        rest = {path: one for path, one in proposal.changes.items() if path not in chosen}
        try:
            number, changes = _together((proposal.base, rest), (head, written))
        except ConflictError as conflict:
            again = replace(proposal, changes=rest | written)
            return self.conflict(request, again, conflict)
        if not changes:
            messages.success(request, "Nothing is left to commit: all is as others left it.")
            return redirect("dashboard:config")
        return self.review(request, proposal.on_top_of(number, changes))


class Revert(Reviewing):
    """Taking back what a revision changed."""

    def answer_to(self, request: HttpRequest, **named: Any) -> HttpResponseBase:
        """The review."""
        number = int(named["number"])
        plan = revert_of(number)
        if not any(map(sight(request), plan.changes)):
            raise Http404
        title = f"Revert r{number}"
        return self.review(request, Proposal(title, number, plan.changes, plan.message, new_key()))


class Put(Reviewing):
    """Committing the edits of a node as files of its own."""

    def answer_to(self, request: HttpRequest, **named: Any) -> HttpResponseBase:
        """The review."""
        node = get_object_or_404(scope.nodes(request.user), name=named["name"])
        home = node.subcluster.name
        if not allowed(request.user, Role.OPERATOR, home):
            why = f"Putting edits needs the role operator in subcluster {home}; ask for it."
            asked = Proposal(f"Put the edits of {node.name}", 0, {f"{home}/{node.name}/-": None})
            return denied(request, asked, why)
        replica = get_object_or_404(Replica, node=node.name)
        edits = drifting.edits_of(node).filter(live=replica.live)
        try:
            changes = drifting.kept(node, list(edits), replica.live)
        except Refused as refused:
            messages.error(request, f"Nothing was put: {refused.sentence}")
            return redirect("dashboard:config-node", node.name)
        if not changes:
            messages.error(request, f"{node.name} has told no edits that can be put")
            return redirect("dashboard:config-node", node.name)
        message = f"Keep what was edited on {node.name}"
        title = f"Put the edits of {node.name}"
        return self.review(request, Proposal(title, replica.live, changes, message, new_key()))


def _head(request: HttpRequest) -> int:
    """The revision that the conflict was with."""
    text = request.POST.get("head", "")
    head = int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0
    if not 0 < head <= newest_number():
        raise Unreadable(BROKEN)
    return head


def _chosen(request: HttpRequest, proposal: Proposal, listing: Listing) -> dict[str, Entry | None]:
    """What each file in conflict shall be."""
    form = request.POST
    found = {}
    for number, path in enumerate(form.getlist("path"), 1):
        if path not in proposal.changes:
            raise Unreadable(BROKEN)
        how, text = form.get(f"how-{number}", ""), form.get(f"result-{number}", "")
        found[path] = resolved(how, text, proposal.changes[path], _entry(listing, path))
    return found


def _together(*parts: tuple[int, Changes]) -> tuple[int, Changes]:
    """Changes that were made to different revisions, as one to the newest."""
    for _ in range(TRIES):
        found = [on_newest(base, changes) for base, changes in parts if changes]
        if len({number for number, _ in found}) <= 1:
            break
    else:
        raise BusyError("others commit all the time; try again")
    number = found[0][0] if found else newest_number()
    return number, {path: one for _, changes in found for path, one in changes.items()}


def _entry(listing: Listing, path: str) -> Entry | None:
    file = listing.get(path)
    return None if file is None else Entry(repository().content(file.blob), file.executable)
