"""The end of a subscriber of logs: a page that says what is lost, and asks before it is done."""

from typing import Any

from django.db.models import QuerySet, Sum
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from cluster_admin.accounts.roles import Role
from cluster_admin.accounts.services import actor_of, allowed
from cluster_admin.audit.actor import Actor
from cluster_admin.dashboard.views.base import Page, answer, common
from cluster_admin.dashboard.views.operating import Deed, operate
from cluster_admin.inventory.refusals import Overridable, Refused
from cluster_admin.logs.decommissioning import decommission
from cluster_admin.logs.models import LogSubscriber
from cluster_admin.logs.shipping_models import Shipping

FORCE = "force"


class LogDecommission(Page):
    """What would go; posted, it goes. It spans subclusters, and so does the right to it."""

    template = part = "dashboard/logs/decommission.html"
    place = "logs"

    def get(self, request: HttpRequest, **named: str) -> HttpResponseBase:
        """Ask, whoever may do it."""
        if may_decommission(request.user):
            return super().get(request, **named)
        context = common(request) | {"sentence": _deed(named["name"]).denial}
        return answer(request, "dashboard/denied.html", context, 403)

    def context(self, request: HttpRequest, **named: str) -> dict[str, Any]:
        """What a dry run says, and what nodes keep for it."""
        name = named["name"]
        waits = Shipping.objects.filter(subscriber=name)
        told: dict[str, Any] = {
            "tab": "shipping",
            "name": name,
            "nodes": waits.filter(backlog_bytes__gt=0).count(),
            "backlog": waits.aggregate(sum=Sum("backlog_bytes"))["sum"] or 0,
            "force": FORCE,
        }
        actor = actor_of(request)
        try:
            try:
                outcome = decommission(name, actor, dry_run=True)
            except Overridable as refused:
                told["loss"] = refused.sentence
                outcome = decommission(name, actor, dry_run=True, force=True)
        except Refused as refused:
            return told | {"sentence": refused.sentence}
        return told | {"outcome": outcome.told()}

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Do it, and show the page of shipping with what came of it."""
        force = request.POST.get(FORCE) == "1"

        def work(actor: Actor, reason: str) -> str:
            told = decommission(name, actor, reason, force=force).told()
            lost = f", and {told['messages']} pieces of logs with it" if told["messages"] else ""
            return f"{name} is no subscriber any more; its queue is gone{lost}"

        return operate(request, _deed(name), "", work)


def may_decommission(user: Any) -> bool:
    """Whether a user may end subscribers."""
    return allowed(user, Role.ADMIN)


def subscribers() -> QuerySet[LogSubscriber, str]:
    """Names of all there are, each once."""
    return LogSubscriber.objects.order_by("name").values_list("name", flat=True).distinct()


def _deed(name: str) -> Deed:
    denial = "Decommissioning a subscriber needs the role admin of every subcluster; ask for it."
    return Deed(
        *("decommission", "log subscriber", name[:63], "", "dashboard:log-shipping", denial),
        role=Role.ADMIN,
        outlived=False,
    )
