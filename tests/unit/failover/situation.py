"""A situation: one machine, the peers a test speaks for, and the wire they all hang on.

Time is a number that `live` moves on; every answer comes a fixed moment after its question. The
peers beat each interval, say what they hear and give opinions as their fields tell. Nothing here
decides anything about failover: it performs what the machine returns and writes it down.
"""

import heapq
import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, TypeVar

from workers.failover.core import actions as ac
from workers.failover.core import events as ev
from workers.failover.core.claims import digest_of
from workers.failover.core.definitions import AdminState, Definitions, Knobs, Node, Topology, Vip
from workers.failover.core.machine import Machine
from workers.failover.core.messages import Claim, Heard, Heartbeat, NodeState, Opinion, Question

CIDR = "198.18.0.0/24"
WITNESS = "198.18.0.1"
WITNESS_MAC = "02:00:00:00:00:fe"
STRANGER_MAC = "02:00:00:00:99:99"
WAY_SECONDS = 0.001
OPINION_WAY_SECONDS = 0.035
START = 1000.0

A, B, C = "mta1", "mta2", "mta3"
"""Nodes by name; most tests look at `B`, with one lower and one higher name around it."""

Kind = TypeVar("Kind")


def vip(number: int) -> str:
    """Address of the number-th VIP, from 0."""
    return f"198.18.0.{101 + number}"


def mac(name: str) -> str:
    """Link address of a node named mtaN."""
    return f"02:00:00:00:00:{int(name.removeprefix('mta')):02x}"


def define(
    nodes: Iterable[str] = (A, B, C),
    vips: int | Iterable[Vip] = 1,
    revision: int = 1,
    witnesses: tuple[str, ...] = (WITNESS,),
    draining: Iterable[str] = (),
    **knobs: Any,
) -> Definitions:
    """Definitions of nodes named mtaN and of VIPs, by number or one by one."""
    every = [Vip(vip(n)) for n in range(vips)] if isinstance(vips, int) else list(vips)
    return Definitions(
        "demo",
        "default",
        revision,
        Knobs(**knobs),
        (Topology(CIDR, "eth0", witnesses),),
        {name: _node(name, name in draining) for name in nodes},
        {one.address: one for one in every},
    )


def _node(name: str, draining: bool) -> Node:
    state = AdminState.DRAINING if draining else AdminState.ENABLED
    return Node(name, f"198.18.0.{10 + int(name[3:])}", admin_state=state)


def heartbeat(node: str = A, sequence: int = 1, sent_at: float = 0.0, **fields: Any) -> Heartbeat:
    """Build a heartbeat whose fields are plain unless told."""
    claims = fields.pop("claims", {})
    values: dict[str, Any] = {
        "incarnation": 1,
        "state": NodeState.READY,
        "revision": 1,
        "known_revision": 1,
        "view": "",
        "macs": (mac(node),),
        "heard": (),
        "claims": None if claims is None else tuple(Claim(v, e) for v, e in claims.items()),
        "digest": 1 if claims is None else digest_of(claims),
    }
    return Heartbeat(node=node, sequence=sequence, sent_at=sent_at, **(values | fields))


class Helps(Enum):
    """What a peer says when it is asked for a second opinion."""

    SILENT = auto()
    HELD = auto()
    UNPROVED = auto()
    MUTE = auto()


@dataclass
class Neighbour:
    """A peer that the test speaks for."""

    name: str
    incarnation: int = 1
    sequence: int = 0
    state: NodeState = NodeState.READY
    revision: int = 1
    claims: dict[str, int] = field(default_factory=dict)
    cannot: tuple[str, ...] = ()
    cannot_more: bool = False
    late: bool = False
    beats: bool = True
    hears: bool = True
    """It hears the machine, and lists it."""
    agrees: bool = True
    """It reports the machine's own view."""
    helps: Helps = Helps.SILENT
    arms: bool = True
    """It says that it will take what it is offered."""
    takes: bool = True
    """It takes what was released to it."""


class Situation:
    """One machine and what surrounds it."""

    def __init__(
        self, definitions: Definitions | None = None, me: str = B, incarnation: int = 1
    ) -> None:
        self.definitions = definitions or define()
        self.me = me
        self.now = START
        self.machine = Machine(me, self.definitions, incarnation, (mac(me),))
        self.peers = {n: Neighbour(n) for n in self.definitions.nodes if n != me}
        self.answers: dict[str, str] = dict.fromkeys(self.definitions.witnesses, WITNESS_MAC)
        """Address -> link address of the host that answers for it on the wire."""
        self.lost: Callable[[ac.Probe, str], bool] = lambda _probe, _address: False
        """Which answers of the wire never come."""
        self.refused: dict[str, str] = {}
        """VIP -> why the kernel will not have it."""
        self.stale = False
        """Every Take comes too late."""
        self.kernel: set[str] = set()
        self.did: list[tuple[float, ac.Action]] = []
        self.told: list[ac.Fact] = []
        self._coming: list[tuple[float, int, ev.Event]] = []
        self._count = itertools.count()
        self._next_beat = START

    # given

    def start(self, *adoptable: str, rings: bool = True) -> "Situation":
        """Start the machine; both rings are bound at once unless told otherwise."""
        self.kernel |= set(adoptable)
        self.decide(ev.Started(adoptable))
        for ring in ev.Ring if rings else ():
            self.decide(ev.RingChanged(ring, True))
        return self

    def ready(self) -> "Situation":
        """Start the machine and live until it has joined; the peers have beaten just now."""
        return self.start().live(2.01).forget()

    def silence(self, *names: str) -> "Situation":
        """Stop these peers from beating, helping and answering."""
        for name in names:
            self.peers[name].beats = False
        return self

    def cut(self) -> "Situation":
        """Nobody is reached any more: no peer, no witness."""
        self.answers.clear()
        return self.silence(*self.peers)

    def forget(self) -> "Situation":
        """Forget what was done and told so far."""
        self.did.clear()
        self.told.clear()
        return self

    # when

    def decide(self, event: ev.Event) -> list[ac.Action]:
        """Give the machine an event now, and perform what it returns."""
        actions, facts = self.machine.decide(event, self.now)
        self.told += facts
        taken: list[ev.Taken] = []
        for action in actions:
            self.did.append((self.now, action))
            if isinstance(action, ac.Take):
                taken.append(self._take(action))
            else:
                self._perform(action)
        self._settled(actions)
        for outcome in taken:
            self.decide(outcome)
        return actions

    def _settled(self, actions: list[ac.Action]) -> None:
        """Look at a decision that has been performed; for tests that watch every one."""

    def live(self, seconds: float) -> "Situation":
        """Let time pass: beats, answers and wakes come at their exact instants."""
        end = self.now + seconds
        while (at := self._soonest()) <= end:
            self.now = max(self.now, at)
            self._step()
        self.now = end
        return self

    def sleep(self, seconds: float) -> "Situation":
        """The machine's loop stands still, then is woken; nothing else happened."""
        self.now += seconds
        self._next_beat = self.now
        self.decide(ev.Wake())
        return self

    def hear(self, name: str, ring: ev.Ring = ev.Ring.B, **fields: Any) -> list[ac.Action]:
        """Let a peer's heartbeat arrive now; fields override what the peer would say."""
        return self.decide(ev.Received(ring, self.word(name, **fields)))

    def word(self, name: str, **fields: Any) -> Heartbeat:
        """Build the next heartbeat of a peer."""
        peer = self.peers[name]
        peer.sequence += 1
        mine = self.machine.voice
        heard = (Heard(self.me, mine.incarnation, mine.sequence, 0),) if peer.hears else ()
        own: dict[str, Any] = {
            "incarnation": peer.incarnation,
            "state": peer.state,
            "revision": peer.revision,
            "known_revision": peer.revision,
            "claims": peer.claims,
            "cannot": peer.cannot,
            "cannot_more": peer.cannot_more,
            "late": peer.late,
            "heard": heard,
            "view": self.machine.view.hash if peer.agrees else "another",
        }
        return heartbeat(name, peer.sequence, self.now, **(own | fields))

    def sight(self, seen: ev.Seen, address: str, link: str = STRANGER_MAC) -> list[ac.Action]:
        """Let a frame of another host be seen now."""
        return self.decide(ev.Sighting(seen, address, link))

    # then

    def actions(self, kind: type[Kind]) -> list[Kind]:
        """Everything of one kind that the machine had done since `forget`."""
        return [action for _, action in self.did if isinstance(action, kind)]

    def times(self, kind: type[ac.Action]) -> list[float]:
        """When it had that done, in seconds of the situation."""
        return [at for at, action in self.did if isinstance(action, kind)]

    def said(self, kind: type[Kind]) -> list[Kind]:
        """Messages of one kind that it sent."""
        messages = [send.message for send in self.actions(ac.Send)]
        return [message for message in messages if isinstance(message, kind)]

    def facts(self, kind: ac.FactKind) -> list[ac.Fact]:
        """Facts of one kind that it told."""
        return [fact for fact in self.told if fact.kind is kind]

    @property
    def held(self) -> dict[str, int]:
        """VIP -> epoch of what the machine believes it holds."""
        return {name: held.epoch for name, held in self.machine.holdings.held.items()}

    @property
    def state(self) -> NodeState:
        """What the machine says of itself."""
        return self.machine.state

    # the world

    def _soonest(self) -> float:
        coming = self._coming[0][0] if self._coming else float("inf")
        return min(coming, self._next_beat, max(self.machine.deadline(), self.now))

    def _step(self) -> None:
        if self._coming and self._coming[0][0] <= self.now:
            self.decide(heapq.heappop(self._coming)[2])
        elif self._next_beat <= self.now:
            self._next_beat += self.definitions.knobs.heartbeat_interval
            for peer in self.peers.values():
                if peer.beats:
                    self.hear(peer.name)
        else:
            self.decide(ev.Wake())

    def _soon(self, seconds: float, event: ev.Event) -> None:
        heapq.heappush(self._coming, (self.now + seconds, next(self._count), event))

    def _perform(self, action: ac.Action) -> None:
        if isinstance(action, ac.Release):
            self.kernel -= set(action.vips)
        elif isinstance(action, ac.Probe):
            self._probe(action)
        elif isinstance(action, ac.Send) and action.ring_b:
            self._deliver(action)

    def _take(self, take: ac.Take) -> ev.Taken:
        failed = tuple((v, self.refused[v]) for v in take.vips if v in self.refused)
        added = tuple(v for v in take.vips if v not in self.refused)
        if self.stale:
            failed = added = ()
        self.kernel |= set(added)
        return ev.Taken(added, failed, self.stale)

    def _probe(self, probe: ac.Probe) -> None:
        own = {n.address: n.name for n in self.definitions.nodes.values() if n.name in self.peers}
        for address in probe.addresses:
            link = self.answers.get(address, "")
            if address in own and self.peers[own[address]].beats:
                link = mac(own[address])
            if link and probe.mac in ("", link) and not self.lost(probe, address):
                self._soon(WAY_SECONDS, ev.Sighting(ev.Seen.ANSWER, address, link))

    def _deliver(self, send: ac.Send) -> None:
        message = send.message
        for name in send.to or self.peers:
            peer = self.peers.get(name)
            if peer is None or not peer.beats:
                continue
            if isinstance(message, Heartbeat):
                self._move(peer, message)
            if not send.to:
                continue
            if isinstance(message, Question) and peer.helps is not Helps.MUTE:
                opinion = self._opinion(peer, message)
                self._soon(OPINION_WAY_SECONDS, ev.Received(ev.Ring.B, opinion))
            elif isinstance(message, Heartbeat) and message.asks:
                self._soon(WAY_SECONDS, ev.Received(ev.Ring.B, self.word(name)))

    def _move(self, peer: Neighbour, message: Heartbeat) -> None:
        """What a peer does about the moves that the machine's heartbeat tells of."""
        released = [one for one in message.released if one.heir == peer.name and peer.takes]
        fresh = [one for one in released if peer.claims.get(one.vip, 0) <= one.epoch]
        peer.claims = peer.claims | {one.vip: one.epoch + 1 for one in fresh}
        offers = [one for one in message.offers if one.heir == peer.name and peer.arms]
        armed = tuple(Claim(one.vip, one.epoch) for one in offers)
        if fresh or armed:
            self._soon(WAY_SECONDS, ev.Received(ev.Ring.B, self.word(peer.name, armed=armed)))

    def _opinion(self, peer: Neighbour, question: Question) -> Opinion:
        held = peer.helps is Helps.HELD
        return Opinion(
            node=peer.name,
            to=self.me,
            number=question.number,
            proved=peer.helps is not Helps.UNPROVED,
            silent=() if held else question.vips,
            held=question.vips if held else (),
        )


def alone(vips: int = 1) -> Situation:
    """One node that is the whole cluster."""
    return Situation(define(nodes=(B,), vips=vips))


def owner(vips: int = 1) -> Situation:
    """The machine owns every VIP, by preference; its peers live and hear it."""
    every = [Vip(vip(n), prefer=(B,)) for n in range(vips)]
    situation = Situation(define(vips=every)).ready()
    assert len(situation.kernel) == vips
    return situation


def rival_claims(situation: Situation, name: str, epoch: int) -> None:
    """A peer says that it holds the first VIP."""
    situation.peers[name].claims = {vip(0): epoch}
    situation.hear(name)
