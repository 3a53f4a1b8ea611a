"""Probation: the taker of a VIP whose owner never said goodbye keeps asking the wire for a while.

An answer of a host whose agent is heard is settled by heartbeats. An answer of any other host means
that the old owner's kernel still holds the lease behind a link that has healed: after one
`probe_interval`, in which its agent may speak up, the taker lets go.
"""

import math

from workers.failover.core.actions import Probe, Probing, Reason, Refer
from workers.failover.core.detector import Verdict
from workers.failover.core.holdings import Held
from workers.failover.core.node import Node
from workers.failover.core.rounds import ROUND_VIPS

PROBATION_SECONDS = 0.08
"""How often VIPs on probation are asked for."""
PROBATION_VIPS = 64
"""VIPs asked for each time, in turn."""


def challenge(node: Node, held: Held, mac: str, now: float) -> None:
    """A silent host answered for a VIP on probation: at once ask for all that it may hold."""
    if held.vip in node.probation.challenges:
        return
    if not node.probation.challenges:
        others = [
            other.vip
            for other in node.holdings.on_probation(now)
            if other.previous == held.previous and other.vip != held.vip
        ]
        if others:
            node.out.act(Probe(tuple(others[:ROUND_VIPS]), Probing.CHECK))
    node.probation.challenges[held.vip] = (now + node.definitions.knobs.probe_interval, mac)


def supervise(node: Node, now: float) -> None:
    """Let go of what a silent host answers for; ask for what is on probation.

    Clients that were told of me are told of the node that serves on: its agent is not there to.
    """
    going: dict[tuple[str, str], list[str]] = {}
    for vip, (until, mac) in tuple(node.probation.challenges.items()):
        if now < until:
            continue
        del node.probation.challenges[vip]
        peer = node.detector.by_mac(mac)
        if peer is not None and peer.verdict is Verdict.ALIVE:
            continue
        if peer is not None:
            node.ownership.last_owner[vip] = peer.name
        going.setdefault((peer.name if peer else "", mac), []).append(vip)
    for (name, mac), vips in going.items():
        node.release(vips, Reason.PROBATION, node=name, detail=mac)
    for (name, mac), vips in going.items():
        if name:
            node.out.act(Refer(tuple(vips), mac))
    if now >= node.probation.next_at:
        _ask(node, now)


def deadline(node: Node) -> float:
    """When `supervise` has something to do."""
    return min(
        [node.probation.next_at, *(until for until, _ in node.probation.challenges.values())]
    )


def _ask(node: Node, now: float) -> None:
    watched = [held.vip for held in node.holdings.on_probation(now)]
    if not watched:
        node.probation.next_at = math.inf
        return
    turn = node.probation.turn % len(watched)
    asked = (watched[turn:] + watched[:turn])[:PROBATION_VIPS]
    node.probation.turn = turn + len(asked)
    node.probation.next_at = now + PROBATION_SECONDS
    node.out.act(Probe(tuple(asked), Probing.CHECK))
