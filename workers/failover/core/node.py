"""The one mutable state of a failover node: its parts, its timers, the few moves all share.

Nothing is decided here. Instants are the node's monotonic seconds. `dirty` asks for a new look at
who owns what, `urgent` for a heartbeat at once.
"""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from workers.failover.core.actions import Exit, FactKind, Reason, Release, Renew, Send
from workers.failover.core.definitions import AdminState, Definitions
from workers.failover.core.detector import Detector, Peer, Verdict
from workers.failover.core.events import Ring
from workers.failover.core.fencing import Fencing
from workers.failover.core.handoffs import Handoffs
from workers.failover.core.health import Health
from workers.failover.core.holdings import Held, Holdings
from workers.failover.core.messages import CANNOT_MAX, NodeState, Why
from workers.failover.core.outbox import Outbox
from workers.failover.core.ownership import Ownership
from workers.failover.core.revisions import Revisions
from workers.failover.core.rounds import Rounds
from workers.failover.core.sentinels import Candidate
from workers.failover.core.takeover import Takeover
from workers.failover.core.view import View
from workers.failover.core.voice import Voice

ASK_SECONDS = 0.05
"""How often a silent peer is asked directly."""
RING_WAIT_SECONDS = 2.0
"""How long a start waits for a ring that is neither up nor failed."""
LATE_WINDOW_SECONDS = 10.0
"""Gaps of my own loop older than this are forgiven."""
GOODBYES = 3
"""Heartbeats that say goodbye."""
FLAPS = 3
FLAP_LIMITS = 15
"""A node that was isolated so often within so many `flap_limit` is the last choice as heir."""
LATE_GAPS = 3
"""So many gaps within `LATE_WINDOW_SECONDS` make a loop chronically late."""


@dataclass(slots=True)
class Refusal:
    """The kernel did not take a VIP."""

    sentence: str
    until: float
    """When it is tried again."""
    seconds: float
    """How long that wait is: it doubles each time."""


@dataclass(slots=True)
class Probation:
    """What is asked for VIPs on probation, and what was answered."""

    next_at: float = math.inf
    turn: int = 0
    challenges: dict[str, tuple[float, str]] = field(default_factory=dict)
    """VIP -> (when to let go, link address that answered for it)."""


@dataclass(slots=True)
class Moves:
    """What is to move, and why it may."""

    surplus: dict[str, str] = field(default_factory=dict)
    """VIP of mine -> the node that it is to be handed to."""
    redefined: frozenset[str] = frozenset()
    """VIPs whose definition changed where they belong, as of the acted revision."""
    sick: frozenset[str] = frozenset()
    """VIPs that lead others or only themselves, of which a health check fails here."""
    balancing: frozenset[str] = frozenset()
    """VIPs that go for balance's sake now."""
    planned: tuple[tuple[str, Why], ...] = ()
    """What of `surplus` may go now, in order; worked out anew when `planned_of` is another."""
    planned_of: tuple[object, ...] = ()


@dataclass(slots=True)
class Unrest:
    """When my own loop stood still, and when I was cut off, of late."""

    gaps: list[float] = field(default_factory=list)
    isolations: list[float] = field(default_factory=list)

    def forgive(self, now: float, flap_limit: float) -> None:
        """Forget what is long over."""
        flap_seconds = FLAP_LIMITS * flap_limit
        self.gaps = [at for at in self.gaps if now - at < LATE_WINDOW_SECONDS]
        self.isolations = [at for at in self.isolations if now - at < flap_seconds]

    @property
    def great(self) -> bool:
        """The loop is chronically late, or the net comes and goes."""
        return len(self.gaps) >= LATE_GAPS or len(self.isolations) >= FLAPS


@dataclass(slots=True)
class Stop:
    """How far a stop has come."""

    waiting: int = 0
    """VIPs that were still to be handed over when that last became fewer."""
    by: float = math.inf
    """Unless it becomes fewer again, all is let go at this instant."""
    latest: float = math.inf
    departing: bool = False
    """Everything is let go: only goodbyes are left."""
    restart_at: float = math.inf
    """When peers were told that the agent is about to begin anew."""
    goodbyes_left: int = 0


class Node:
    """All of one node's failover state."""

    def __init__(
        self, me: str, definitions: Definitions, incarnation: int, macs: tuple[str, ...]
    ) -> None:
        self.me = me
        self.state = NodeState.JOINING
        self.finished = False
        self.out = Outbox()
        self.revisions = Revisions(definitions)
        others = tuple(name for name in definitions.nodes if name != me)
        knobs = definitions.knobs
        self.detector = Detector(others, knobs.heartbeat_interval, knobs.dead_after)
        self.view = View(me)
        self.fencing = Fencing(me, definitions)
        self.ownership = Ownership()
        self.rounds = Rounds(definitions)
        self.takeover = Takeover(me, definitions, self.rounds, self.out)
        self.holdings = Holdings()
        self.voice = Voice(me, incarnation, macs)
        self.rings: dict[Ring, bool] = {}
        self.objection = Reason.NONE
        self.listening_since = math.inf
        self.started_at = math.inf
        self.resuming = False
        self.found: tuple[str, ...] = ()
        """VIPs the kernel had at the start that are not yet adopted."""
        self.taking: dict[str, Held] = {}
        self.lent: list[Candidate] = []
        """What was known of those that are being taken."""
        self.took = False
        """A Take has just been answered: let others come between, before the next."""
        self.next_take = math.inf
        self.idle = False
        """The event of now changed nothing: nothing has become due by it."""
        self.unrest = Unrest()
        self.next_heartbeat = math.inf
        self.next_seek = -math.inf
        self.next_balance = math.inf
        self.quiet_until = -math.inf
        """After a gap: no new question before the old answers were read."""
        self.next_announce_all = math.inf
        self.probation = Probation()
        self.handoffs = Handoffs()
        self.moves = Moves()
        self.health = Health(definitions)
        self.unhealthy: dict[str, str] = {}
        """Health checks that fail here -> why."""
        self.ailments: dict[str, str] = {}
        """What the last failure of each check was, whether it counts yet or not."""
        self.refusals: dict[str, Refusal] = {}  # the last one last
        self.stop = Stop()
        self.dirty = True
        self.urgent = False
        self.told_stuck: set[str] = set()
        self.asked_at: dict[str, float] = {}
        self.hearings: Counter[str] = Counter()
        """Heartbeats of peers by what they were worth: new, doubled, stale, replayed."""
        self.heard_on_b: dict[str, float] = {}
        """When each peer was last heard on ring B; who is not is asked on ring A too."""
        self.paused_at = -math.inf

    @property
    def definitions(self) -> Definitions:
        """The definitions acted on."""
        return self.revisions.acted

    @property
    def enabled(self) -> bool:
        """The definitions let me hold VIPs; not once they name me no more."""
        mine = self.definitions.nodes.get(self.me)
        return mine is not None and mine.admin_state is AdminState.ENABLED

    def cannot(self, now: float) -> Iterator[str]:
        """VIPs that my kernel refused, and that are not tried again yet; the last comes first."""
        return (vip for vip, one in reversed(self.refusals.items()) if now < one.until)

    def refuses(self, vip: str, now: float) -> bool:
        """Whether my kernel refused it, and it is not tried again yet."""
        one = self.refusals.get(vip)
        return one is not None and now < one.until

    def at_rest(self, now: float) -> bool:
        """Who lives hears me, and nothing is under way that a word of a peer could further."""
        settled = self.state in (NodeState.READY, NodeState.DRAINING)
        calm = settled and self.objection is Reason.NONE and self.stop.restart_at == math.inf
        under_way = (
            *(self.dirty, self.urgent, self.resuming, self.moves.surplus, self.ownership.orphans),
            *(self.takeover.candidates, self.taking, self.rounds.current, self.rounds.checks),
            *(self.handoffs.giving, self.handoffs.arming, self.probation.challenges),
        )
        if not calm or any(under_way) or self.holdings.deadline() <= now:
            return False
        living = 0
        patience = self.view.patience(self.detector)
        for peer in self.detector.peers.values():
            alive = peer.verdict is Verdict.ALIVE
            if not alive and self.detector.judge(peer, now) is not peer.verdict:
                return False
            if alive or peer.live:
                if now >= peer.hears_me_at + patience:
                    return False
                living += 1
        return len(self.view.members) == 1 + living

    @property
    def late(self) -> bool:
        """I am the last choice as heir."""
        return self.unrest.great

    def forgive(self, now: float) -> None:
        """Perhaps I am no longer the last choice as heir."""
        before = self.late
        self.unrest.forgive(now, self.definitions.knobs.flap_limit)
        self.dirty = self.dirty or self.late is not before

    def adopting(self) -> bool:
        """Found VIPs are still being checked."""
        return self.rounds.waits_for("adopt")

    def listen(self, now: float) -> None:
        """Start delay runs from here: both rings are bound, or known to have failed."""
        known = len(self.rings) == len(Ring)
        self.listening_since = now if known else max(now, self.started_at + RING_WAIT_SECONDS)

    def enter(self, state: NodeState, reason: Reason = Reason.NONE) -> None:
        """Change the state this node tells of itself."""
        if state is not self.state:
            self.state = state
            self.dirty = self.urgent = True
            self.out.tell(FactKind.STATE, reason, node=self.me, detail=state.value)

    def release(self, vips: list[str], reason: Reason, *, node: str = "", detail: str = "") -> None:
        """Take those of `vips` that are held off the kernel at once."""
        dropped = self.holdings.drop(vips)
        if not dropped:
            return
        self.out.act(Release(tuple(held.vip for held in dropped)))
        for held in dropped:
            self.out.tell(
                FactKind.RELEASED, reason, vip=held.vip, node=node, epoch=held.epoch, detail=detail
            )
        self.dirty = self.urgent = True

    def let_go(self, reason: Reason) -> None:
        """Take everything off the kernel, what was found at the start included."""
        if self.found:
            self.out.act(Release(self.found))
        self.release(list(self.holdings.held), reason)
        self.rounds.checks = [c for c in self.rounds.checks if c.purpose == "question"]
        self.found, self.resuming = (), False

    def renew(self, now: float) -> None:
        """Renew the lease of everything held, if entitled."""
        checked = not (self.resuming or self.adopting())
        if self.holdings.held and checked and self.objection is Reason.NONE:
            self.out.act(Renew(self.holdings.vips, now))

    def announce_all(self, now: float) -> None:
        """Something healed: tell the wire again who holds what."""
        self.holdings.announce(self.holdings.held, self.definitions.knobs.announce_count, now)

    def tell(self, name: str, now: float) -> None:
        """Say to one peer at once how planned moves are, on ring A too if it is deaf on ring B.

        What everybody is about to be told in this very step is not said twice.
        """
        if self.urgent:
            return
        deaf = now - self.heard_on_b.get(name, -math.inf) > self.detector.dead_after
        self.say(now, to=(name,), ring_a=deaf, claims=False)

    def ask(self, peer: Peer, now: float, *, asks: bool = True) -> None:
        """Speak to one peer directly, at most every ASK_SECONDS."""
        if now >= self.asked_at.get(peer.name, -math.inf) + ASK_SECONDS:
            self.asked_at[peer.name] = now
            deaf = now - self.heard_on_b.get(peer.name, -math.inf) > self.detector.dead_after
            self.say(now, to=(peer.name,), ring_a=deaf, asks=asks)

    def say(
        self,
        now: float,
        *,
        to: tuple[str, ...] = (),
        ring_a: bool = True,
        asks: bool = False,
        full: bool = False,
        claims: bool = True,
        lacking: tuple[int, ...] | None = None,
    ) -> None:
        """Send a heartbeat to `to`, or to everybody on both rings.

        `lacking`: what one who asked knows of my claims.
        """
        heartbeat = self.voice.heartbeat(
            now,
            state=self.state,
            revisions=(self.definitions.revision, self.revisions.known),
            view=self.view.hash,
            detector=self.detector,
            holdings=self.holdings,
            cannot=tuple(islice(self.cannot(now), CANNOT_MAX + 1)),
            late=self.late,
            unhealthy=tuple(sorted(self.unhealthy)),
            handoffs=self.handoffs,
            asks=asks,
            knows=self.detector.peers[to[0]].known if asks and to else (),
            full=full,
            claims=claims,
            lacking=lacking,
            everybody=not to,
        )
        for piece in (heartbeat, *self.voice.pieces(heartbeat, self.holdings, now)):
            self.out.act(Send(piece, to, ring_a=ring_a))

    def exit(self, reason: Reason) -> None:
        """Finish: nothing more is decided or said."""
        self.finished = True
        self.out.tell(FactKind.STATE, reason, node=self.me, detail="exited")
        self.out.act(Exit(reason.value))
