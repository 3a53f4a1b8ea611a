"""Mediation: who hears two owners of a VIP tells each of the other: they may not hear each other.

Two that are cut from each other on both rings and on the wire know by third nodes that the other
lives, but not what it claims. Invariant: who is told lets go by the same rule as if it had heard
the claim itself, and only for an owner that lives and said so of late.
"""

from itertools import permutations

from workers.failover.core.actions import Send
from workers.failover.core.detector import Verdict
from workers.failover.core.hearing import contend
from workers.failover.core.messages import MEDIATED_MAX, Claim, Heard, Mediation
from workers.failover.core.node import Node

PATIENCE_INTERVALS = 0.5
"""Two who hear each other settle it sooner than in so many heartbeat intervals."""
NEWER_MAX = 3
"""A claim counts while no more newer heartbeats of the claimant are known; what waited is older."""


def watch(node: Node, now: float) -> None:
    """After each look at who owns what: since when is each VIP contested?"""
    before = node.ownership.contested_since
    node.ownership.contested_since = {vip: before.get(vip, now) for vip in node.ownership.contested}


def mediate(node: Node, now: float) -> None:
    """Once per heartbeat interval: tell those who go on claiming what another claims."""
    patience = PATIENCE_INTERVALS * node.definitions.knobs.heartbeat_interval
    told: dict[tuple[str, str], list[str]] = {}
    for vip, since in sorted(node.ownership.contested_since.items()):
        if now - since >= patience:
            for pair in permutations(sorted(node.ownership.contested[vip]), 2):
                told.setdefault(pair, []).append(vip)
    for (to, owner), vips in told.items():
        _tell(node, to, owner, vips[:MEDIATED_MAX], now)


def _tell(node: Node, to: str, owner: str, vips: list[str], now: float) -> None:
    peer, other = node.detector.peers[owner], node.detector.peers[to]
    age = max(0.0, now - peer.direct_at)
    heard_itself = not peer.hearsay and age <= node.detector.dead_after
    if not (peer.verdict is other.verdict is Verdict.ALIVE and heard_itself):
        return
    heard = Heard(owner, peer.incarnation, peer.sequence, round(1000 * age))
    claims = tuple(Claim(vip, peer.claims[vip]) for vip in vips if vip in peer.claims)
    node.out.act(Send(Mediation(node=node.me, to=to, owner=heard, claims=claims), (to,)))


def hear(node: Node, message: Mediation, now: float) -> None:
    """Contend with the other's claims, and remember those that I gave way to."""
    owner = node.detector.peers.get(message.owner.node)
    if owner is None or not owner.live or message.owner.incarnation != owner.told[0]:
        return
    if message.owner.sequence + NEWER_MAX < owner.told[1]:
        return
    claims = {one.vip: one.epoch for one in message.claims if one.vip in node.holdings.held}
    lost = contend(node, owner.name, claims, now, quiet=0.0)
    if lost:
        known = owner.told_claims.change({vip: claims[vip] for vip in lost}, ())
        node.ownership.note(owner.name, known, now)
        owner.said = ((), ())  # its own next word is news, whatever it says
