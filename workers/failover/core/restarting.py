"""Restarting: this instance leaves what its kernel has to the next one, under a longer lease.

Invariant: the lease is lengthened only once every live peer has acknowledged for how long: whoever
takes over from a node that fell off the net meanwhile keeps asking for it until that lease is over.
"""

import math

from workers.failover.core.actions import FactKind, Reason, Renew
from workers.failover.core.messages import NodeState
from workers.failover.core.node import Node

PATIENCE_SECONDS = 1.0
"""Peers that have not acknowledged by then are a reason not to restart."""


def begin(node: Node, lease_seconds: int, now: float) -> None:
    """Say for how long the kernel is going to keep everything."""
    if node.stop.restart_at < math.inf or node.state is NodeState.STOPPING:
        return
    node.stop.restart_at = now
    node.voice.lease = float(lease_seconds)
    for peer in node.detector.peers.values():
        if peer.live:
            node.say(now, to=(peer.name,), asks=True)


def step(node: Node, now: float) -> None:
    """Go once everybody knows; stay if somebody does not hear me."""
    if node.stop.restart_at == math.inf or node.finished:
        return
    live = [peer for peer in node.detector.peers.values() if peer.live]
    deaf = [peer.name for peer in live if peer.hears_me_at < node.stop.restart_at]
    if not deaf and not node.handoffs.arming:  # who was told that I take it lets go of it
        _go(node, now)
    elif now >= node.stop.restart_at + PATIENCE_SECONDS:
        node.stop.restart_at, node.voice.lease = math.inf, 0.0
        node.urgent = True
        detail = f"does not restart: {' '.join(sorted(deaf))} did not acknowledge the longer lease"
        node.out.tell(FactKind.STATE, node=node.me, detail=detail)


def _go(node: Node, now: float) -> None:
    if node.holdings.held and not node.resuming and node.objection is Reason.NONE:
        lease_seconds = int(node.voice.lease)
        node.out.act(Renew(tuple(node.holdings.held), now, lease_seconds))
    node.say(now, full=True)
    node.exit(Reason.RESTARTING)


def deadline(node: Node) -> float:
    """When to give up."""
    return node.stop.restart_at + PATIENCE_SECONDS
