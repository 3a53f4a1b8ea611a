"""Draining: a node that is to hold nothing gives its VIPs to those whose place they are.

They go a set at a time: released, then taken by the heirs, who probe as soon as the claim is gone;
the next set goes once all of the last are owned. What nobody else may hold is kept, and what was
given is taken back if the last heir goes before it took it, for service goes before maintenance.
Nothing else is ever taken while draining. Invariant: of what this node gave away no more than a
set, and one more each `PATIENCE_SECONDS`, is without an owner.
"""

from collections.abc import Collection

from workers.failover.core.actions import Reason
from workers.failover.core.assignment import leader
from workers.failover.core.messages import NodeState
from workers.failover.core.node import Node

SET_VIPS = 64
"""VIPs given away together: heirs probe and add so many at no loss of time."""
SETTLE_SECONDS = 1.0
"""Members that do not agree with me on view and revision are waited for no longer than this."""
PATIENCE_SECONDS = 3.0
"""An heir that has not taken what I released costs one more VIP each so many seconds, no set."""


def drain(node: Node, now: float) -> None:
    """Release the next set, if this node is draining and the last set is served."""
    if node.state is NodeState.READY:
        node.given = ()
    if node.state is not NodeState.DRAINING or node.dirty:
        return
    vips, owners = node.definitions.vips, node.ownership.owners
    waiting = node.given = tuple(v for v in node.given if v in vips and v not in owners)
    if waiting and now < node.given_at + PATIENCE_SECONDS:
        return
    if node.resuming or not node.holdings.held or not _settled(node, now):
        return
    targets = node.ownership.targets
    mine = [vip for vip in node.holdings.held if targets.get(vip, node.me) != node.me]
    mine.sort(key=lambda vip: (leader(vip, vips), vip))  # those that sit together, together
    batch = mine[: 1 if waiting else SET_VIPS]
    if batch:
        node.given, node.given_at = (*waiting, *batch), now
        node.release(batch, Reason.DRAINING)


def takes_back(node: Node, vip: str, heirs: Collection[str]) -> bool:
    """Whether `vip`, which nobody owns, is mine again: I gave it away, and no heir is left."""
    return node.state is NodeState.DRAINING and not heirs and vip in node.given


def _settled(node: Node, now: float) -> bool:
    """All members see the same members and act on the same revision, or had time enough to."""
    revision = node.definitions.revision
    if node.view.agreed(node.detector) and all(
        peer.revision == revision for peer in node.detector.peers.values() if peer.live
    ):
        return True
    return now >= max(node.view.changed_at, node.revisions.acted_at) + SETTLE_SECONDS
