"""Hearing: what messages and frames of others tell a node, and what must be answered at once.

A heartbeat updates what is known of its sender; a claim on what I hold is settled on the spot. A
frame alone never makes a node let go, except on probation.
"""

import math
from collections.abc import Collection, Mapping

from workers.failover.core import handoff, probation
from workers.failover.core.actions import (
    Announce,
    FactKind,
    HandDefinitions,
    Reason,
    Release,
    SaveIncarnation,
    Send,
)
from workers.failover.core.detector import Hearing, Peer, Verdict
from workers.failover.core.events import Ring, Seen, Sighting
from workers.failover.core.holdings import Held
from workers.failover.core.messages import Heartbeat, NodeState, Opinion, Question
from workers.failover.core.node import Node

DEFEND_SECONDS = 0.05
"""A VIP is announced against foreign claims at most this often."""
STRANGER_SECONDS = 10.0
"""The same against a host that is no node."""


def hear(node: Node, heartbeat: Heartbeat, ring: Ring, now: float) -> bool:
    """Take in a heartbeat; True when it shows that my own clock has stood still."""
    if heartbeat.node == node.me and heartbeat.incarnation > node.voice.incarnation:
        node.exit(Reason.SUPERSEDED)
    if heartbeat.node not in node.detector.peers:
        return False
    if ring is Ring.B:
        _heard_on_b(node, heartbeat.node, now)
    peer = node.detector.peers[heartbeat.node]
    disputed = _disputes(node, peer)
    hearing, paused = node.detector.hear(heartbeat, now, _acknowledged(node, heartbeat))
    node.hearings[hearing.word] += 1
    worthless = hearing in (Hearing.DUPLICATE, Hearing.STALE)
    node.idle = worthless and not paused and node.holdings.deadline() > now
    if hearing is Hearing.OLD_INCARNATION:
        node.ask(peer, now, asks=False)
    if hearing is Hearing.NEW:
        news = _learn(node, heartbeat, peer, now)
        if node.finished:
            return False
        won = [vip for vip in disputed if vip in node.holdings.held and vip not in peer.claims]
        if won:
            node.holdings.announce(won, node.definitions.knobs.announce_count, now)
        if heartbeat.asks:
            lacking = heartbeat.known
            node.say(now, to=(peer.name,), ring_a=ring is Ring.A, full=True, lacking=lacking)
        node.idle = not (news or paused) and node.at_rest(now)
    return paused


def _heard_on_b(node: Node, name: str, now: float) -> None:
    """A path that was cut is whole again: what was announced meanwhile not everybody has heard."""
    silent_seconds = now - node.heard_on_b.get(name, now)
    node.heard_on_b[name] = now
    if silent_seconds > node.detector.dead_after:
        node.announce_all(now)


def _disputes(node: Node, peer: Peer) -> frozenset[str]:
    """What both of us claim; looked for anew only when one of us claims something else."""
    compared = (peer.told_claims.version, node.holdings.claimed.version)
    if compared != peer.compared:
        peer.compared = compared
        peer.disputed = frozenset(peer.claims.keys() & node.holdings.held.keys())
    return peer.disputed


def _acknowledged(node: Node, heartbeat: Heartbeat) -> float:
    """When I sent the heartbeat of mine that this one says its sender had heard."""
    for heard in heartbeat.heard:
        if heard.node == node.me:
            sent_at = node.voice.sent_at(heard.incarnation, heard.sequence)
            return -math.inf if sent_at is None else sent_at
    return -math.inf


def _learn(node: Node, heartbeat: Heartbeat, peer: Peer, now: float) -> bool:
    """Draw the conclusions from a new heartbeat; whether it says more than that a peer lives."""
    _note_hearers(node, heartbeat, peer)
    if node.finished:
        return True
    node.ownership.note(peer.name, peer.news, now)
    _contend(node, peer, {(one.vip, one.epoch) for one in heartbeat.released}, now)
    handoff.hear(node, heartbeat, peer, now)
    if node.revisions.hand(peer.name, heartbeat.known_revision, now):
        node.out.act(HandDefinitions(peer.name))
    return _news(node, heartbeat, peer)


def _news(node: Node, heartbeat: Heartbeat, peer: Peer) -> bool:
    """Whether it says anything new; where that may change who owns or should own what, dirty."""
    released = node.handoffs.told.get(peer.name)
    owning = (peer.incarnation, peer.state, peer.known_revision, peer.claimed, peer.cannot,
              peer.cannot_more, peer.late, peer.unhealthy, released)  # fmt: skip
    others = (peer.view, peer.digest, peer.revision, peer.lease, peer.releasing)
    owning_before, others_before = peer.said
    peer.said = (owning, others)
    changed = owning != owning_before or peer.verdict is not Verdict.ALIVE
    node.dirty = node.dirty or changed
    moving = bool(heartbeat.offers or heartbeat.armed or heartbeat.released)
    return changed or others != others_before or moving or peer.unclear


def _note_hearers(node: Node, heartbeat: Heartbeat, peer: Peer) -> None:
    """The peer's list says which of my heartbeats it has heard."""
    for heard in heartbeat.heard:
        if heard.node != node.me:
            continue
        if heard.incarnation > node.voice.incarnation:
            _outlived(node, heard.incarnation)
            return
        sent_at = node.voice.sent_at(heard.incarnation, heard.sequence)
        if sent_at is not None:
            peer.hears_me_at = max(peer.hears_me_at, sent_at)


def _outlived(node: Node, incarnation: int) -> None:
    """Others know a higher incarnation of me: jump above it, or give way if I already act."""
    if node.state is not NodeState.JOINING:
        node.exit(Reason.SUPERSEDED)
        return
    node.voice.reincarnate(incarnation + 1)
    node.out.act(SaveIncarnation(incarnation + 1))
    node.urgent = True


def _contend(node: Node, peer: Peer, gone: set[tuple[str, int]], now: float) -> None:
    """A live peer claims what I hold, or what I found at my start.

    `gone`: what it says that it let go, though it has not come yet to telling claims without it.
    """
    disputed = {vip: peer.claims[vip] for vip in _disputes(node, peer)}
    contend(node, peer.name, disputed, now, gone=gone)
    outlived = tuple(vip for vip in node.found if vip in peer.claims)
    if outlived:  # found at my start, taken by the peer meanwhile: not adopted
        node.found = tuple(vip for vip in node.found if vip not in peer.claims)
        node.out.act(Release(outlived))


def contend(
    node: Node,
    name: str,
    claims: Mapping[str, int],
    now: float,
    *,
    gone: Collection[tuple[str, int]] = (),
    quiet: float = DEFEND_SECONDS,
) -> list[str]:
    """Of what I hold and another claims the lower claim lets go, the higher says so.

    `quiet`: seconds for which nothing is said after an announcement. Returns what I let go.
    """
    lost, kept = [], []
    for vip, epoch in claims.items():
        if node.holdings.loses(vip, epoch, name, node.me):
            lost.append(vip)
        elif (vip, epoch) not in gone and now - node.holdings.held[vip].announced_at >= quiet:
            node.holdings.held[vip].announced_at = now
            node.out.tell(FactKind.CONFLICT, Reason.CONFLICT, vip=vip, node=name)
            kept.append(vip)
    if kept:
        node.holdings.announce(sorted(kept), node.definitions.knobs.announce_count, now)
        node.urgent = True
    if lost:
        node.release(sorted(lost), Reason.CONFLICT, node=name)
    return lost


def help_taker(node: Node, question: Question, now: float) -> None:
    """Help a taker: probe, unless the VIP has a live owner or I, by the lower name, go first."""
    known = [
        vip
        for vip in question.vips
        if vip in node.holdings.held
        or _alive_owner(node, vip, but=question.node)
        or (node.me < question.node and node.takeover.progressing(vip, now))
    ]
    vips = tuple(v for v in question.vips if v not in known and v in node.definitions.topology_of)
    if known or not vips:
        give_opinion(
            node, question.node, question.number, silent=(), held=tuple(known), proved=True
        )
    node.rounds.checks = [c for c in node.rounds.checks if c.asker != question.node]
    if vips:
        node.rounds.check("question", vips, now, question.node, question.number)


def _alive_owner(node: Node, vip: str, but: str) -> bool:
    owner = node.ownership.owners.get(vip)
    if owner is None or owner[1] in (but, node.me):
        return False
    return node.detector.peers[owner[1]].verdict is Verdict.ALIVE


def give_opinion(
    node: Node,
    to: str,
    number: int,
    *,
    silent: tuple[str, ...],
    held: tuple[str, ...],
    proved: bool,
) -> None:
    """Tell a taker who was seen holding what it asked about."""
    opinion = Opinion(node=node.me, to=to, number=number, silent=silent, held=held, proved=proved)
    node.out.act(Send(opinion, (to,)))


def heeds(node: Node, event: Sighting) -> bool:
    """Whether anything can come of it; of thousands of frames about others' VIPs nothing can."""
    vip = event.address
    if vip in node.takeover.candidates:
        return True
    if event.seen is Seen.PROBE:
        return False
    held = vip in node.holdings.held or vip in node.definitions.ground
    asked = node.rounds.current is not None and vip in node.rounds.current.asked
    return held or asked or vip in node.ownership.orphans


def sight(node: Node, event: Sighting, now: float) -> None:
    """Take in a frame of another host; unless about what I hold, nothing becomes due by it."""
    vip = event.address
    node.idle = vip not in node.holdings.held
    if event.seen is Seen.PROBE:
        if vip not in node.takeover.candidates:
            node.idle = True
            return
        rival = node.detector.by_mac(event.mac)
        node.takeover.rivalled(vip, rival.name if rival else "", now)
        return
    if vip in node.definitions.ground:
        if event.seen is Seen.ANSWER:
            node.rounds.answer(vip, event.mac)
            if vip in node.definitions.witnesses:
                node.fencing.witness_answered()
        node.idle = node.objection is Reason.NONE
        return
    if vip in node.ownership.orphans:
        node.ownership.orphans[vip].silent_since = now
    node.takeover.sighted(vip, event.mac, now)
    if vip in node.holdings.held:
        _disputed(node, vip, event.mac, now)


def _disputed(node: Node, vip: str, mac: str, now: float) -> None:
    """A foreign host answers for, or claims, what I hold."""
    held = node.holdings.held[vip]
    if mac in held.ignored:
        return
    peer = node.detector.by_mac(mac)
    if peer is not None and peer.verdict is Verdict.ALIVE:
        node.ask(peer, now)
        if vip not in peer.claims and now - held.announced_at >= DEFEND_SECONDS:
            _defend(node, held, now)
    elif held.probation_until > now:
        if peer is not None:
            node.ask(peer, now)
        probation.challenge(node, held, mac, now)
    elif peer is not None:
        node.ask(peer, now)
    elif now - held.defended_at >= STRANGER_SECONDS:
        held.defended_at = now
        node.out.tell(FactKind.FOREIGN, vip=vip, detail=mac)
        _defend(node, held, now)


def _defend(node: Node, held: Held, now: float) -> None:
    held.announced_at = now
    node.out.act(Announce((held.vip,)))
