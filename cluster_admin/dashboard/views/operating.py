"""What an operator does from a page: asked of the role, audited when denied or refused, told after.

The work itself is a service's. Who may not is refused here, whatever the page showed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from cluster_admin.accounts.roles import Role
from cluster_admin.accounts.services import actor_of, allowed
from cluster_admin.audit import services as audit
from cluster_admin.audit.actor import Actor
from cluster_admin.dashboard.views.base import answer, common
from cluster_admin.inventory.refusals import Refused

REASON_MAX = 500


@dataclass(frozen=True, slots=True)
class Deed:
    """What is to be done."""

    action: str
    """As the audit trail calls it."""
    kind: str
    name: str
    """Of the object."""
    subcluster: str
    page: str
    """Name of the page that is shown afterwards; its one argument is the object's name."""
    denial: str
    """The sentence for who lacks the role."""
    role: Role = Role.OPERATOR
    """What it takes there."""
    outlived: bool = True
    """Whether the object is still there afterwards; otherwise the page takes no argument."""

    def back(self) -> HttpResponse:
        """The way to that page."""
        return redirect(self.page, *((self.name,) if self.outlived else ()))


def operate(
    request: HttpRequest, deed: Deed, problem: str, work: Callable[[Actor, str], str]
) -> HttpResponse:
    """Do it, and show the page with what came of it; `problem`: why the form makes no sense.

    `work` gets the actor and the reason, returns the sentence of success, or raises `Refused`.
    """
    actor, reason = actor_of(request), request.POST.get("reason", "").strip()
    about: dict[str, Any] = {"kind": deed.kind, "object": deed.name, "subcluster": deed.subcluster}
    if not allowed(request.user, deed.role, deed.subcluster):
        audit.record(actor, deed.action[:40], **about, outcome="denied", reason=reason)
        context = common(request) | {"sentence": deed.denial}
        return answer(request, "dashboard/denied.html", context, 403)
    problem = problem or problem_with_reason(reason)
    if problem:
        messages.error(request, problem)
        return deed.back()
    try:
        sentence = work(actor, reason)
    except Refused as refused:
        audit.record(actor, deed.action, **about, outcome="refused", reason=str(refused))
        messages.error(request, f"{deed.name} stays as it is: {refused.sentence}")
    else:
        messages.success(request, sentence)
    return deed.back()


def problem_with_reason(reason: str) -> str:
    """Why a reason cannot be kept; empty when it can."""
    if len(reason) > REASON_MAX or not reason.isprintable():
        return f"the reason is not one plain line of {REASON_MAX} characters at most; shorten it"
    return ""
