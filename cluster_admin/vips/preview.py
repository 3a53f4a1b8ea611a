"""What happens if a node dies: the nodes' own function, asked with what the manager last heard.

The answer is as old as the oldest report it rests on, and says so. Nothing is changed here.
"""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from cluster_admin.inventory import definitions
from cluster_admin.inventory.models import Node, NodeStatus
from cluster_admin.vips.models import VipStatus
from workers.failover.core.messages import NodeState
from workers.failover.core.preview import if_dies

LIVING = (NodeStatus.Verdict.ALIVE, NodeStatus.Verdict.SUSPECTED)


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
    ready = NodeStatus.objects.filter(
        node__subcluster=node.subcluster, verdict__in=LIVING, state=NodeState.READY
    )
    found = list(ready.values_list("node__name", "late", "heard_at").order_by("node__name"))
    names = [name for name, _, _ in found]
    late = [name for name, is_late, _ in found if is_late]
    moves, unserved = if_dies(node.name, running, owners, names, late)
    heard = min((heard_at for _, _, heard_at in found if heard_at), default=None)
    return Outlook(
        node=node.name,
        revision=running.revision,
        members=tuple(names),
        heard_at=heard,
        age_seconds=None if heard is None else max(0.0, (now - heard).total_seconds()),
        moves=tuple(Move(vip, to) for vip, to in moves.items()),
        unserved=unserved,
    )
