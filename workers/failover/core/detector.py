"""Failure detector: when was each peer last alive, does it hear me, and what does it say of itself.

A heartbeat's age is judged by its sender's own clock: the smallest difference ever seen between my
clock and the sender's is a message without delay, anything above it is time spent on the way. So a
message that a broker or a full socket kept is as old as it is, whenever it is read. And it is
never older than the heartbeat of mine that it acknowledges. Invariant: no message makes a peer look
alive later than the instant it was sent. What to do about a verdict is not decided here.
"""

import math
from dataclasses import dataclass, field
from enum import Enum, StrEnum

from workers.failover.core.claims import Claims
from workers.failover.core.messages import Heartbeat, NodeState

CLOCK_DRIFT = 100e-6
"""Seconds by which two monotonic clocks may part per second; a peer's baseline creeps by it."""
ESTABLISHED_HEARTBEATS = 5
"""A peer's clock baseline is believed after this many heartbeats."""

CLOCK_JUMP = 0.1
"""A heartbeat that seems to come from so far in the future means that my own clock stood still."""


class Verdict(StrEnum):
    """What this node thinks of a peer."""

    UNKNOWN = "unknown"
    ALIVE = "alive"
    SUSPECTED = "suspected"
    DEAD = "dead"
    LEFT = "left"


class Hearing(Enum):
    """What a received heartbeat was worth."""

    NEW = "new"
    DUPLICATE = "duplicate or out of order"
    STALE = "older than dead_after"
    OLD_INCARNATION = "of an old incarnation"

    def __init__(self, _sentence: str) -> None:
        self.word = self.name.lower()


@dataclass(slots=True)
class Peer:
    """What is known of another node. Instants are this node's monotonic seconds."""

    name: str
    incarnation: int = 0
    sequence: int = -1
    heard_at: float = -math.inf
    """When its newest known heartbeat was sent, by my clock; directly or told by a third node."""
    direct_at: float = -math.inf
    """The same for heartbeats that reached me from itself."""
    hears_me_at: float = -math.inf
    """When I sent the newest of my heartbeats that it says it has heard."""
    told: tuple[int, int] = (0, -1)
    """Newest (incarnation, sequence) known, directly or through gossip."""
    verdict: Verdict = Verdict.UNKNOWN
    state: NodeState = NodeState.JOINING
    revision: int = 0
    known_revision: int = 0
    view: str = ""
    macs: tuple[str, ...] = ()
    told_claims: Claims = field(default_factory=Claims)
    news: dict[str, int] = field(default_factory=dict)
    """Claims that its newest heartbeat made or changed."""
    digest: int = 0
    """Digest in its newest heartbeat: another one than `claimed` means that a change was missed."""
    more: bool = False
    """The rest of its newest heartbeat is on its way."""
    disputed: frozenset[str] = frozenset()
    """What it claims and I hold, as of both tables' versions in `compared`."""
    compared: tuple[int, int] = (-1, -1)
    said: tuple[tuple[object, ...], tuple[object, ...]] = ((), ())
    """Its newest heartbeat: what bears on who owns or should own what, and the rest."""
    cannot: frozenset[str] = frozenset()
    cannot_more: bool = False
    """Its kernel refuses more VIPs than `cannot` names."""
    unhealthy: frozenset[str] = frozenset()
    """Health checks that fail there."""
    lease: float = 0.0
    """Seconds its kernel keeps its VIPs after its newest heartbeat, when longer than usual."""
    late: bool = False
    releasing: bool = False
    """It let go of something that its heir has not taken yet, or is to take something itself.

    Even a stopping one has not left then.
    """
    clock: int = 0
    offset: float = math.inf
    offset_at: float = -math.inf
    heartbeats: int = 0

    @property
    def claims(self) -> dict[str, int]:
        """VIP -> epoch, as far as it was heard."""
        return self.told_claims.table

    @property
    def claimed(self) -> int:
        """Digest of `claims`."""
        return self.told_claims.digest

    @property
    def known(self) -> tuple[int, ...]:
        """What to say of `claims` when asking for what is missing of them."""
        if self.claimed == self.digest:
            return (self.digest,)
        return self.told_claims.sums if self.claims else ()

    @property
    def live(self) -> bool:
        """Not (yet) declared dead; its claims count."""
        return self.verdict in (Verdict.ALIVE, Verdict.SUSPECTED)

    @property
    def hearsay(self) -> bool:
        """It lives, but only others hear it as it is now: what it claims I cannot know."""
        return self.live and (self.direct_at == -math.inf or self.told[0] != self.incarnation)

    @property
    def unclear(self) -> bool:
        """It must be asked: it is silent, or what it claims was missed."""
        missed = self.claimed != self.digest and not self.more
        return self.verdict is Verdict.SUSPECTED or (self.live and missed)

    def age(self, heartbeat: Heartbeat, after: float, now: float) -> tuple[float, bool]:
        """Seconds the heartbeat was on its way; whether *my* clock seems to have stood still.

        It acknowledges what I sent at `after`: it was sent later, so it is no older. A sender whose
        clock stood still without its knowing would look late for ever otherwise.
        """
        raw = now - heartbeat.sent_at
        if heartbeat.incarnation == self.incarnation and heartbeat.clock < self.clock:
            return math.inf, False
        if heartbeat.incarnation != self.incarnation or heartbeat.clock > self.clock:
            self.clock = heartbeat.clock
            self.heartbeats = 0
            self._measure(raw, now)
            return 0.0, False
        self.heartbeats += 1
        lateness = raw - self.offset - CLOCK_DRIFT * (now - self.offset_at)
        if lateness > now - after:
            lateness = now - after
            self._measure(raw - lateness, now)
        if lateness > 0:
            return lateness, False
        self._measure(raw, now)
        return 0.0, lateness < -CLOCK_JUMP and self.heartbeats > ESTABLISHED_HEARTBEATS

    def _measure(self, raw: float, now: float) -> None:
        """Take `raw` for the difference of our clocks."""
        self.offset, self.offset_at = raw, now


class Detector:
    """All peers of a node, and the verdicts on them."""

    def __init__(self, names: tuple[str, ...], interval: float, dead_after: float) -> None:
        self.interval = interval
        self.dead_after = dead_after
        self.peers: dict[str, Peer] = {name: Peer(name) for name in names}
        self.not_before = -math.inf
        """No verdict against anybody before this instant: my own loop was late."""

    def redefine(self, names: tuple[str, ...], interval: float, dead_after: float) -> None:
        """Follow a change of the defined nodes and knobs."""
        self.interval, self.dead_after = interval, dead_after
        self.peers = {name: self.peers.get(name) or Peer(name) for name in names}

    @property
    def suspect_after(self) -> float:
        """Seconds of silence before a peer is asked directly."""
        return min(2 * self.interval, self.dead_after)

    def hear(
        self, heartbeat: Heartbeat, now: float, after: float = -math.inf
    ) -> tuple[Hearing, bool]:
        """Take in a heartbeat of a defined peer; also says whether my own clock stood still."""
        peer = self.peers[heartbeat.node]
        if heartbeat.incarnation < peer.incarnation:
            return Hearing.OLD_INCARNATION, False
        age, paused = peer.age(heartbeat, after, now)
        if age > self.dead_after:
            return Hearing.STALE, paused
        mark = (heartbeat.incarnation, heartbeat.sequence)
        if mark <= (peer.incarnation, peer.sequence):
            return Hearing.DUPLICATE, paused
        if heartbeat.incarnation > peer.incarnation:
            peer.hears_me_at = -math.inf
            peer.told_claims.replace({}, None)
        peer.incarnation, peer.sequence = mark
        peer.told = max(peer.told, mark)
        peer.heard_at = max(peer.heard_at, now - age)
        peer.direct_at = max(peer.direct_at, now - age)
        self._note(peer, heartbeat)
        self._gossip(heartbeat, now - age)
        return Hearing.NEW, paused

    def _note(self, peer: Peer, heartbeat: Heartbeat) -> None:
        peer.state = heartbeat.state
        peer.revision, peer.known_revision = heartbeat.revision, heartbeat.known_revision
        peer.view, peer.macs = heartbeat.view, heartbeat.macs
        peer.cannot, peer.cannot_more = frozenset(heartbeat.cannot), heartbeat.cannot_more
        peer.late = heartbeat.late
        peer.unhealthy, peer.lease = frozenset(heartbeat.unhealthy), heartbeat.lease
        peer.digest, peer.more = heartbeat.digest, heartbeat.more
        peer.releasing = bool(heartbeat.released or heartbeat.armed)
        peer.news = {}
        if heartbeat.digest == peer.claimed:
            return
        if heartbeat.claims is not None:
            told = {claim.vip: claim.epoch for claim in heartbeat.claims}
            peer.news = peer.told_claims.replace(told, heartbeat.buckets)
        elif heartbeat.gained or heartbeat.dropped:
            told = {claim.vip: claim.epoch for claim in heartbeat.gained}
            peer.news = peer.told_claims.change(told, heartbeat.dropped)
        elif not heartbeat.digest:
            peer.told_claims.replace({}, None)

    def _gossip(self, heartbeat: Heartbeat, sent_at: float) -> None:
        """A newer sequence of a third node in somebody's list is a heartbeat of that node."""
        for heard in heartbeat.heard:
            peer = self.peers.get(heard.node)
            mark = (heard.incarnation, heard.sequence)
            if peer is not None and peer.name != heartbeat.node and mark > peer.told:
                peer.told = mark
                peer.heard_at = max(peer.heard_at, sent_at - heard.age_ms / 1000)

    def verdicts(self, now: float) -> list[tuple[Peer, Verdict]]:
        """Peers whose verdict changes now, with the verdict before; the peers are updated."""
        changed = []
        for peer in self.peers.values():
            verdict = self.judge(peer, now)
            if verdict is not peer.verdict:
                changed.append((peer, peer.verdict))
                peer.verdict = verdict
        return changed

    def judge(self, peer: Peer, now: float) -> Verdict:
        """What to think of the peer now; `verdict` is what was thought last."""
        if peer.heard_at == -math.inf:
            return Verdict.UNKNOWN
        if (
            peer.state is NodeState.STOPPING
            and not peer.claims
            and not peer.releasing
            and peer.told[0] == peer.incarnation
        ):
            return Verdict.LEFT
        worse = (
            Verdict.DEAD
            if now >= peer.heard_at + self.dead_after
            else Verdict.SUSPECTED
            if now >= peer.heard_at + self.suspect_after
            else Verdict.ALIVE
        )
        if worse is Verdict.DEAD and now < self.not_before and peer.live:
            return Verdict.SUSPECTED
        return worse

    def deadline(self) -> float:
        """Next instant at which a verdict changes if nothing more is heard."""
        soonest = math.inf
        for peer in self.peers.values():
            if peer.verdict is Verdict.ALIVE:
                soonest = min(soonest, peer.heard_at + self.suspect_after)
            elif peer.verdict is Verdict.SUSPECTED:
                soonest = min(soonest, max(peer.heard_at + self.dead_after, self.not_before))
        return soonest

    def by_mac(self, mac: str) -> Peer | None:
        """The peer that says it has this link address."""
        return next((peer for peer in self.peers.values() if mac in peer.macs), None)
