"""The page of a node: how it is, what it holds, what happens if it dies; draining it.

Who may not drain is refused here, whatever the page showed, and the attempt is audited.
"""

from collections.abc import AsyncIterator
from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views import View

from cluster_admin.accounts.roles import Role
from cluster_admin.accounts.services import allowed
from cluster_admin.audit.actor import Actor
from cluster_admin.dashboard import event_rows, node_rows, scope, vip_rows
from cluster_admin.dashboard.downloads import as_csv
from cluster_admin.dashboard.tables import Column
from cluster_admin.dashboard.views.base import Page, answer, common
from cluster_admin.dashboard.views.operating import Deed, operate
from cluster_admin.inventory import services
from cluster_admin.inventory.models import Node
from cluster_admin.vips.preview import Move, Outlook, outlook

ROWS_MAX = 200
"""Moves listed one by one; the sums are over all."""
AT_ONCE = 500
"""VIPs up to which the preview is worked out without being asked for."""
ACTIONS = (
    ("enabled", "Undrain", "It may hold VIPs again, and gets its share of them."),
    (
        "draining",
        "Drain",
        "It gives its VIPs to their next places, a set at a time, and gets none until it is "
        "undrained.",
    ),
    (
        "maintenance",
        "Maintain",
        "It gives its VIPs away as when draining, and its troubles raise no alarm.",
    ),
)
"""(state, what the button says, what it does)."""
MOVES = (
    Column("vip", "VIP", lambda move: move.vip),
    Column("to", "would go to", lambda move: move.to),
)
DONE = {
    "enabled": "may hold VIPs again",
    "draining": "is asked to give its VIPs away",
    "maintenance": "is in maintenance: it gives its VIPs away and raises no alarm",
}


class NodePage(Page):
    """Everything about one node."""

    template, part, place = "dashboard/node.html", "dashboard/parts/node.html", "nodes"

    def context(self, request: HttpRequest, **named: str) -> dict[str, Any]:
        """The node, its VIPs, what was told by it and of it."""
        node = get_object_or_404(scope.nodes(request.user), name=named["name"])
        row = node_rows.shown([node])[0]
        vips = scope.vips(request.user).filter(status__owner=node.name)
        told = event_rows.stretch(scope.events(request.user), {}, node.name, 15)
        tables = vip_rows.table_of(vips, request.GET) | told
        return tables | {
            "row": row,
            "node": node,
            "may_operate": allowed(request.user, Role.OPERATOR, node.subcluster.name),
            "actions": ACTIONS,
            "at_once": row.vips <= AT_ONCE,
        }


class IfDies(LoginRequiredMixin, View):
    """What happens if a node dies: a part of its page, worked out when asked for."""

    def get(self, request: HttpRequest, name: str) -> HttpResponseBase:
        """The table of moves, or all of them as CSV."""
        node = get_object_or_404(scope.nodes(request.user), name=name)
        found = outlook(node)
        if request.GET.get("format") == "csv":
            return as_csv(_moves(found), MOVES, f"if-{name}-dies")
        limits = {"limit": f":{ROWS_MAX}", "limit_number": ROWS_MAX}
        context = common(request) | limits | {"outlook": found, "shares": shares(found)}
        return answer(request, "dashboard/parts/if_dies.html", context)


class AdminState(LoginRequiredMixin, View):
    """Draining, maintenance, and back."""

    http_method_names = ("post",)

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Do it, and show the node's page with what came of it."""
        node = get_object_or_404(scope.nodes(request.user), name=name)
        state = request.POST.get("state", "")

        def work(actor: Actor, reason: str) -> str:
            done = services.set_admin_state(node, state, actor, reason)
            return f"{name} {DONE[state]} (r{done.revision})"

        denial = (
            f"Draining {node.name} needs the role operator in subcluster {node.subcluster.name}; "
            "ask an administrator for it."
        )
        place = (node.subcluster.name, "dashboard:node")
        deed = Deed(f"set {state}", "node", node.name, *place, denial)
        return operate(request, deed, _problem(state), work)


def shares(found: Outlook) -> list[tuple[str, int]]:
    """(node, how many VIPs it would take), most first."""
    counted: dict[str, int] = {}
    for move in found.moves:
        counted[move.to] = counted.get(move.to, 0) + 1
    return sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))


async def _moves(found: Outlook) -> AsyncIterator[Move]:
    for vip in found.unserved:
        yield Move(vip, "")
    for move in found.moves:
        yield move


def _problem(state: str) -> str:
    if state not in Node.Admin.values:
        return f"{state[:40]!r} is no state; choose {', '.join(Node.Admin.values)}"
    return ""
