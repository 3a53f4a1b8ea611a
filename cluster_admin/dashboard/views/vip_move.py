"""Moving a VIP from its page: to a node, or to wherever balance puts it."""

from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views import View

from cluster_admin.audit.actor import Actor
from cluster_admin.dashboard import scope
from cluster_admin.dashboard.views.operating import Deed, operate
from cluster_admin.inventory import services
from cluster_admin.inventory.models import Node, NodeStatus
from cluster_admin.vips import moving
from cluster_admin.vips.models import Vip
from workers.failover.core.messages import NodeState

FREE = moving.FREE


class MoveVip(LoginRequiredMixin, View):
    """What the dialog of a VIP's page sends."""

    http_method_names = ("post",)

    def post(self, request: HttpRequest, address: str) -> HttpResponse:
        """Do it, and show the VIP's page with what came of it."""
        vip = get_object_or_404(scope.vips(request.user), address=address.lower())
        node, subcluster = request.POST.get("node", "").strip(), vip.subcluster
        denial = (
            f"Moving {vip.address} needs the role operator in subcluster {subcluster.name}; "
            "ask an administrator for it."
        )

        def work(actor: Actor, reason: str) -> str:
            with services.change(subcluster, actor, reason) as done:
                row = Vip.objects.select_related("follow", "subcluster", "status").get(pk=vip.pk)
                if node == FREE:
                    moving.free(done, row)
                else:
                    moving.move(done, row, node)
            return _said(vip, node, done)

        deed = Deed(moving.ACTION, "VIP", vip.address, subcluster.name, "dashboard:vip", denial)
        return operate(request, deed, "" if node else "choose a node to move it to", work)


def offers(vip: Vip) -> list[tuple[str, str]]:
    """(name, what is to be known) of the nodes that may have it; whether they can, a move finds."""
    rows = Node.objects.filter(subcluster=vip.subcluster_id, admin_state=Node.Admin.ENABLED)
    return [
        (node.name, "has it now" if node.name == vip.last_heard.owner else _state(node))
        for node in rows.select_related("status").order_by("name")
    ]


def _state(node: Node) -> str:
    status = node.last_heard
    if status.verdict != NodeStatus.Verdict.ALIVE:
        return str(status.verdict)
    return "" if status.state == NodeState.READY else str(status.state)


def _said(vip: Vip, node: str, done: services.Change) -> str:
    if not done.notes:
        return f"{vip.address} is asked for nothing new: still r{done.revision}"
    if node == FREE:
        return f"{vip.address} prefers no node now, balance places it (r{done.revision})"
    return f"{vip.address} is asked to move to {node} (r{done.revision})"
