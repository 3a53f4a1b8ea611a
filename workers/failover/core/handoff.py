"""Handoff: a planned move of a VIP between two live nodes, without a gap worth the name.

The giver offers, the heir arms, the giver releases, the heir takes at once, without asking the
wire: nobody else takes what was released for as long as the giver says so. All of it is state in
heartbeats, repeated until it is over, so a lost message costs an interval and no safety. Invariant:
an heir acts on a release once, within `act_seconds` of its own word and of the giver's; else it has
to prove silence like anybody else. What should move where is decided in `moving`.
"""

import math
from collections.abc import Iterable

from workers.failover.core.actions import Reason, Take
from workers.failover.core.detector import Peer
from workers.failover.core.handoffs import Arming, Giving
from workers.failover.core.holdings import Held
from workers.failover.core.messages import Heartbeat, NodeState, Offer, Why
from workers.failover.core.node import Node

SET_VIPS = 64
"""VIPs on their way at the same time."""
DISTRUST_SECONDS = 10.0
"""An heir that did not take what was released to it is offered nothing for so long."""
ACT_SECONDS = 0.5
"""How old my word that I am armed, and the giver's that it released, may be when I act."""

RELEASED = {
    Why.DRAIN: Reason.DRAINING,
    Why.STOP: Reason.STOPPING,
    Why.MOVE: Reason.MOVED,
    Why.HEALTH: Reason.UNHEALTHY,
    Why.FAILBACK: Reason.FAILBACK,
    Why.BALANCE: Reason.BALANCE,
}
TAKEN = {**RELEASED, Why.DRAIN: Reason.OWNER_DRAINS, Why.STOP: Reason.OWNER_STOPS}


def act_seconds(node: Node) -> float:
    """How long a word to act upon counts: well within the time for which others wait."""
    knobs = node.definitions.knobs
    return min(ACT_SECONDS, knobs.handoff_timeout / 2, knobs.dead_after)


def offer(node: Node, moves: Iterable[tuple[str, str, Why]], now: float) -> None:
    """Offer (VIP, heir, why) as far as there is room; who is an heir anew is told at once.

    Only once half of a set has arrived: one offer for each arrival would be a message each.
    """
    handoffs, heirs = node.handoffs, set()
    if len(handoffs.giving) > SET_VIPS // 2:
        return
    for vip, heir, why in moves:
        if len(handoffs.giving) >= SET_VIPS:
            break
        if vip in handoffs.giving or now < handoffs.distrusted.get(heir, now):
            continue
        handoffs.giving[vip] = Giving(vip, node.holdings.held[vip].epoch, heir, why, now)
        heirs.add(heir)
    for heir in sorted(heirs):
        node.tell(heir, now)


def hear(node: Node, heartbeat: Heartbeat, peer: Peer, now: float) -> None:
    """Take in what a new heartbeat of a peer says of moves."""
    node.handoffs.told[peer.name] = heartbeat.released
    _hear_offers(node, heartbeat, peer, now)
    for one in heartbeat.released:
        arming = node.handoffs.arming.get(one.vip) if one.heir == node.me else None
        if arming is not None and (arming.giver, arming.epoch) == (peer.name, one.epoch):
            arming.released_at = min(arming.released_at, peer.direct_at)
    _hear_armed(node, heartbeat, peer, now)


def _hear_offers(node: Node, heartbeat: Heartbeat, peer: Peer, now: float) -> None:
    """Arm for what I can take; forget what the giver no longer speaks of."""
    arming, fresh = node.handoffs.arming, False
    spoken = {
        (o.vip, o.epoch) for o in (*heartbeat.offers, *heartbeat.released) if o.heir == node.me
    }
    for vip, mine in tuple(arming.items()):
        if mine.giver == peer.name and (vip, mine.epoch) not in spoken:
            del arming[vip]
    for one in heartbeat.offers:
        if one.heir == node.me and one.vip not in arming and _welcome(node, one, peer, now):
            reason = TAKEN[Why(one.why)]
            arming[one.vip] = Arming(one.vip, one.epoch, peer.name, reason, now)
            fresh = True
    if fresh:
        node.tell(peer.name, now)


def _welcome(node: Node, one: Offer, peer: Peer, now: float) -> bool:
    """Whether I could take this VIP from its owner now."""
    owner = node.ownership.owners.get(one.vip, (one.epoch, peer.name))
    return (
        entitled(node)
        and node.stop.restart_at == math.inf
        and not node.taking
        and one.why in set(Why)
        and one.vip in node.definitions.vips
        and not node.refuses(one.vip, now)
        and one.vip not in node.holdings.held
        and owner[1] == peer.name
        and peer.live
        and node.view.member(peer, node.detector, now)
    )


def _hear_armed(node: Node, heartbeat: Heartbeat, peer: Peer, now: float) -> None:
    """Let go of what its heir is ready to take."""
    ready: dict[Why, list[str]] = {}
    for claim in heartbeat.armed:
        one = node.handoffs.giving.get(claim.vip)
        if one is None or one.released or (one.heir, one.epoch) != (peer.name, claim.epoch):
            continue
        held = node.holdings.held.get(claim.vip)
        answers = peer.hears_me_at >= one.since  # not an offer that I made before this one
        if answers and held is not None and held.epoch == one.epoch:
            one.released, one.since = True, now
            ready.setdefault(one.why, []).append(claim.vip)
    for why, vips in ready.items():
        node.release(vips, RELEASED[why], node=peer.name)


def act(node: Node, now: float) -> None:
    """Take what was released to me."""
    due = [a for a in node.handoffs.arming.values() if a.released_at < math.inf]
    if not due or node.taking:
        return
    limit = act_seconds(node)
    for one in due:
        del node.handoffs.arming[one.vip]
        fresh = now - one.at <= limit and now - one.released_at <= limit
        able = entitled(node) or _keeps_word(node)
        if fresh and able and _untaken(node, one) and one.vip in node.definitions.vips:
            epoch = max(node.ownership.next_epoch(one.vip), one.epoch + 1)
            node.taking[one.vip] = Held(
                one.vip, epoch, now, one.reason, one.giver, unserved_since=one.released_at
            )
            node.handoffs.came_at[one.vip] = now
    node.dirty = True
    if node.taking:
        node.lent = node.takeover.forget(list(node.taking))
        node.out.act(Take(tuple(node.taking), now))


def _untaken(node: Node, one: Arming) -> bool:
    """Nobody else has it as far as I know: the giver's word may have been slow."""
    others = (p for p in node.detector.peers.values() if p.live and p.name != one.giver)
    return one.vip not in node.holdings.held and all(one.vip not in p.claims for p in others)


def entitled(node: Node) -> bool:
    """Whether I may take at all."""
    ready = node.state in (NodeState.READY, NodeState.DRAINING)
    return ready and node.objection is Reason.NONE and not node.resuming


def _keeps_word(node: Node) -> bool:
    """I stop, and take what I was armed for before, as its giver may have let go of it by now."""
    stopping = node.state is NodeState.STOPPING and not node.stop.departing
    return stopping and node.objection is Reason.NONE and not node.resuming


def review(node: Node, now: float) -> None:
    """Forget what took too long, and what the other side cannot finish any more."""
    handoffs, patience = node.handoffs, node.definitions.knobs.handoff_timeout
    for vip, one in tuple(handoffs.giving.items()):
        lost = not one.released and vip not in node.holdings.held
        taken = _has_taken(node, one)
        if one.released and not taken and now >= one.since + patience:
            handoffs.distrusted[one.heir] = now + DISTRUST_SECONDS
        if lost or now >= one.since + patience or not _lives(node, one.heir):
            del handoffs.giving[vip]
            node.dirty = True
    limit = act_seconds(node)
    for vip, arming in tuple(handoffs.arming.items()):
        if now > arming.at + limit or arming.giver not in node.detector.peers:
            del handoffs.arming[vip]
            node.dirty = True
    if handoffs.came_at:
        came = handoffs.came_at.items()
        handoffs.came_at = {vip: at for vip, at in came if now < at + patience}


def complete(node: Node) -> None:
    """Forget what its heir has by now."""
    for vip, one in tuple(node.handoffs.giving.items()):
        if one.released and _has_taken(node, one):
            del node.handoffs.giving[vip]


def _has_taken(node: Node, one: Giving) -> bool:
    """The heir claims it already, whether or not I have come to look at that."""
    peer = node.detector.peers.get(one.heir)
    return peer is not None and peer.claims.get(one.vip, 0) > one.epoch


def _lives(node: Node, name: str) -> bool:
    peer = node.detector.peers.get(name)
    return peer is not None and peer.live


def reserved(node: Node) -> dict[str, str]:
    """VIP -> heir, of everything released that its heir may still take."""
    found: dict[str, str] = {}
    for name, offers in node.handoffs.told.items():
        if _lives(node, name):
            found.update((one.vip, one.heir) for one in offers)
    found.update((one.vip, one.heir) for one in node.handoffs.released())
    found = {vip: heir for vip, heir in found.items() if _lives(node, heir)}
    return found | dict.fromkeys(node.handoffs.arming, node.me)


def deadline(node: Node) -> float:
    """When `review` has something to do."""
    patience, limit = node.definitions.knobs.handoff_timeout, act_seconds(node)
    ends = [one.since + patience for one in node.handoffs.giving.values()]
    ends += [math.nextafter(one.at + limit, math.inf) for one in node.handoffs.arming.values()]
    return min(ends, default=math.inf)
