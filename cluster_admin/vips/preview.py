"""What happens if a node dies: the nodes' own function, asked with what the manager last heard.

The answer is as old as the oldest report it rests on, and says so. Nothing is changed here.
"""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from cluster_admin.inventory import definitions
from cluster_admin.inventory.models import LIVING, Node, NodeStatus
from cluster_admin.vips.models import VipStatus
from workers.failover.core.assignment import leader
from workers.failover.core.definitions import Definitions
from workers.failover.core.messages import NodeState
from workers.failover.core.preview import if_dies


@dataclass(frozen=True, slots=True)
class Move:
    """A VIP that another node would take."""

    vip: str
    to: str


@dataclass(frozen=True, slots=True)
class Outlook:
    """What would happen, and what that is known from."""

    node: str
    revision: int
    members: tuple[str, ...]
    """The nodes that could take VIPs, and this one if it is among them."""
    heard_at: datetime | None
    """When the oldest report used was heard; None: nothing was."""
    age_seconds: float | None
    moves: tuple[Move, ...]
    unserved: tuple[str, ...]
    """VIPs that nobody would serve."""


def outlook(node: Node, now: datetime | None = None) -> Outlook:
    """Work it out for one node; four queries and one assignment of the whole subcluster."""
    now = now or timezone.now()
    running = definitions.build(node.subcluster)
    held = VipStatus.objects.filter(vip__subcluster=node.subcluster).exclude(owner="")
    owners = dict(held.values_list("vip__address", "owner"))
    able = NodeStatus.objects.filter(
        node__subcluster=node.subcluster,
        verdict__in=LIVING,
        state__in=(NodeState.READY, NodeState.DRAINING),
    )
    found = _heirs(list(able.select_related("node").order_by("node__name")), node.name)
    names = [one.node.name for one in found]
    late = [one.node.name for one in found if one.late]
    barred = _barred([one for one in found if one.node_id != node.pk], running)
    moves, unserved = if_dies(node.name, running, owners, names, late, barred)
    heard = min((one.heard_at for one in found if one.heard_at), default=None)
    return Outlook(
        node=node.name,
        revision=running.revision,
        members=tuple(names),
        heard_at=heard,
        age_seconds=None if heard is None else max(0.0, (now - heard).total_seconds()),
        moves=tuple(Move(vip, to) for vip, to in moves.items()),
        unserved=unserved,
    )


def _heirs(found: list[NodeStatus], dying: str) -> list[NodeStatus]:
    """Ready nodes; nodes that drain as well when no enabled one is left among the ready ones."""
    ready = [one for one in found if one.state == NodeState.READY]
    enabled = Node.Admin.ENABLED
    left = (one.node for one in ready if one.node.name != dying)
    return ready if any(node.admin_state == enabled for node in left) else found


def _barred(found: list[NodeStatus], running: Definitions) -> dict[str, set[str]]:
    """VIP -> nodes whose kernel refuses it, or where a check of its group fails, not everywhere."""
    barred: dict[str, set[str]] = {}
    for one in found:
        for vip in one.refusals:
            barred.setdefault(vip, set()).add(one.node.name)
    sick: dict[str, set[str]] = {}
    for vip, defined in running.vips.items():
        if defined.check:
            names = {one.node.name for one in found if defined.check in one.unhealthy}
            sick.setdefault(leader(vip, running.vips), set()).update(names)
    for vip, names in sick.items():
        if {one.node.name for one in found} - names - barred.get(vip, set()):
            barred.setdefault(vip, set()).update(names)
    return barred
