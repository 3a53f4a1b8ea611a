"""Moving VIPs in the admin: the page that asks where to, and why."""

from functools import partial
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest

from cluster_admin.accounts.services import actor_of
from cluster_admin.inventory.admin_confirm import ConfirmForm, Plan, change_each
from cluster_admin.inventory.models import Node
from cluster_admin.inventory.services import Change
from cluster_admin.vips import moving
from cluster_admin.vips.models import Vip


def plan_of(request: HttpRequest, rows: QuerySet[Vip]) -> Plan:
    """Moving these VIPs to the node that is chosen on the page; all of them, or none."""
    actor, node = actor_of(request), request.POST.get("node", "")

    def work(done: Change, vips: list[Vip], force: bool) -> None:
        for vip in vips:
            if node == moving.FREE:
                moving.free(done, vip)
            else:
                moving.move(done, vip, node, force=force)

    def perform(reason: str, dry_run: bool, force: bool = False) -> list[Change]:
        found = rows.select_related("subcluster", "follow", "status").order_by("address_key")
        return change_each(found, actor, reason, dry_run, partial(work, force=force))

    question = "Move these VIPs? The node is put first in what they prefer; they go at once."
    return Plan(moving.ACTION, question, "Move", perform, _form(rows), partial(perform, force=True))


def _form(rows: QuerySet[Vip]) -> type[ConfirmForm]:
    enabled = Node.objects.filter(
        subcluster__in=rows.order_by().values("subcluster"), admin_state=Node.Admin.ENABLED
    )
    names = enabled.order_by("name").values_list("name", flat=True)
    choices: list[tuple[str, Any]] = [("", "choose a node"), *((name, name) for name in names)]

    class MoveForm(ConfirmForm):
        """Where to, and why."""

        node = forms.ChoiceField(
            label="To", choices=[*choices, (moving.FREE, "wherever there is room (no preference)")]
        )
        field_order = ("node", "reason")

    return MoveForm
