"""The machine under any well-typed events at times that never go back.

Most of the world around it is plausible (peers beat, wires answer, kernels confirm), so that it
gets somewhere; what is thrown in between is not.
"""

import json
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.failover.situation import (
    STRANGER_MAC,
    WITNESS,
    A,
    B,
    C,
    Helps,
    Situation,
    define,
    heartbeat,
    mac,
    vip,
)
from workers.failover.core import actions as ac
from workers.failover.core import events as ev
from workers.failover.core.definitions import Definitions, PartitionPolicy, Vip
from workers.failover.core.handoff import SET_VIPS
from workers.failover.core.messages import (
    DefinitionsPiece,
    Heard,
    Heartbeat,
    Message,
    NodeState,
    Opinion,
    Question,
)
from workers.failover.core.moving import STOP_SECONDS

WAKES_AT_ONE_INSTANT = 8
"""A machine that wants to be woken at one instant more often than this spins."""

VIPS = [vip(n) for n in range(4)]
NAMES = [A, B, C, "mta9"]
MACS = [mac(A), mac(C), STRANGER_MAC]


class Watched(Situation):
    """A situation in which each decision is held against what must never be."""

    def __init__(self, definitions: Definitions) -> None:
        super().__init__(definitions)
        self.wakes = 0
        self.woken_at = -1.0
        self.mark = (0, 0)
        self.epochs: dict[str, int] = {}
        self.taken: dict[str, int] = {}

    def decide(self, event: ev.Event) -> list[ac.Action]:
        """Decide, and look at what came of it."""
        finished = self.machine.finished
        if isinstance(event, ev.KernelChanged):
            self.kernel -= set(event.gone)
        self._no_spinning(event)
        actions = super().decide(event)
        assert not (finished and actions), "the finished act"
        return actions

    def _settled(self, actions: list[ac.Action]) -> None:
        self._entitled(actions)
        self._sequences(actions)
        self._gives_away_to_heirs()
        self._epochs_grow()
        if not self.machine.finished:
            assert set(self.held) <= self.kernel, "held without the kernel's word"

    def _no_spinning(self, event: ev.Event) -> None:
        if isinstance(event, ev.Wake):
            self.wakes = self.wakes + 1 if self.woken_at == self.now else 1
            self.woken_at = self.now
            assert self.wakes <= WAKES_AT_ONE_INSTANT, "it spins"

    def _entitled(self, actions: list[ac.Action]) -> None:
        if self.machine.objection is not ac.Reason.NONE:
            assert not self.held, "held without entitlement"
            assert not [a for a in actions if isinstance(a, ac.Take | ac.Renew)]

    def _sequences(self, actions: list[ac.Action]) -> None:
        for action in actions:
            if isinstance(action, ac.Send) and isinstance(action.message, Heartbeat):
                mark = (action.message.incarnation, action.message.sequence)
                assert mark > self.mark, "a sequence was used again"
                self.mark = mark

    def _gives_away_to_heirs(self) -> None:
        machine = self.machine
        released = self.facts(ac.FactKind.RELEASED)
        for fact in (f for f in released if f.reason is ac.Reason.DRAINING):
            assert machine.state is NodeState.DRAINING
            assert machine.handoffs.giving[fact.vip].heir == fact.node != self.me
        assert len(machine.handoffs.giving) <= SET_VIPS
        self.told = [fact for fact in self.told if fact.kind is not ac.FactKind.RELEASED]

    def _epochs_grow(self) -> None:
        known = self.machine.ownership.epochs
        for address, epoch in self.epochs.items():
            assert known[address] >= epoch, "an epoch shrank"
        self.epochs = dict(known)
        for fact in self.facts(ac.FactKind.TAKEN):
            assert fact.epoch > self.taken.get(fact.vip, 0), "an epoch was used again"
            self.taken[fact.vip] = fact.epoch
        self.told = [fact for fact in self.told if fact.kind is not ac.FactKind.TAKEN]

    def _take(self, take: ac.Take) -> ev.Taken:
        assert take.decided_at == self.now
        assert self.machine.state in (NodeState.READY, NodeState.DRAINING)
        assert set(take.vips) <= self.machine.definitions.vips.keys()
        assert not set(take.vips) & set(self.held), "taken twice"
        for peer in self.machine.detector.peers.values():
            if peer.verdict.value == "alive":
                assert not set(take.vips) & peer.claims.keys(), "taken from a live owner"
        return super()._take(take)


Step = Callable[[Watched], Any]


def tell(event: ev.Event) -> Step:
    """Turn an event into a step."""
    return lambda situation: situation.decide(event)


names = st.sampled_from(NAMES)
addresses = st.sampled_from(VIPS)
some_vips = st.lists(addresses, unique=True, max_size=4).map(tuple)
claims = st.dictionaries(addresses, st.integers(0, 5), max_size=4)
small, ages = st.integers(0, 2), st.integers(0, 900)
seconds = st.sampled_from([0.0, 0.001, 0.02, 0.05, 0.2, 0.5, 1.0])


def defined(revision: int, nodes: tuple[str, ...], vips: int, **more: Any) -> Definitions:
    """Definitions that a test throws in."""
    return define(nodes=nodes, vips=vips, revision=revision, **more)


files = st.sampled_from(
    [
        defined(1, (A, B, C), 2),
        defined(2, (A, B, C), 4),
        defined(3, (A, B, C), 1),
        defined(4, (A, B, C, "mta4"), 2, heartbeat_interval=0.1, dead_after=0.3),
        defined(5, (B, C), 3, definition_wait=0.5),
        defined(6, (B,), 0),
        defined(7, (A, C), 2),
        defined(2, (A, B, C), 2, draining=(B,)),
        defined(3, (A, B, C), 4, draining=(A, B, C)),
        defined(4, (A, B, C), 4, draining=(B, C), definition_wait=0.0),
        defined(5, (A, B, C), 4),
    ]
)


@st.composite
def beats(draw: st.DrawFn) -> Step:
    """A peer says something plausible."""
    name = draw(st.sampled_from([A, C]))
    state, asks = draw(st.sampled_from(NodeState)), draw(st.booleans())
    ring, held = draw(st.sampled_from(ev.Ring)), draw(claims)

    def step(situation: Watched) -> None:
        if name in situation.peers:
            situation.peers[name].claims = held
            situation.hear(name, ring, state=state, asks=asks)

    return step


@st.composite
def wild_heartbeats(draw: st.DrawFn) -> Step:
    """A heartbeat of anybody, old, new, or from another clock."""
    fields = {
        "incarnation": draw(st.integers(0, 3)),
        "clock": draw(st.integers(0, 1)),
        "state": draw(st.sampled_from(NodeState)),
        "known_revision": draw(st.integers(0, 8)),
        "claims": draw(st.one_of(st.none(), claims)),
        "macs": tuple(draw(st.lists(st.sampled_from(MACS), max_size=2))),
        "cannot": draw(some_vips),
        "late": draw(st.booleans()),
        "asks": draw(st.booleans()),
        "digest": draw(st.integers(0, 1 << 32)),
        "heard": tuple(
            Heard(
                draw(names),
                draw(st.integers(0, 2)),
                draw(st.integers(0, 40)),
                draw(st.integers(0, 900)),
            )
            for _ in range(draw(st.integers(0, 2)))
        ),
    }
    node, sequence = draw(names.filter(lambda name: name != B)), draw(st.integers(0, 80))
    offset = draw(st.floats(-10.0, 10.0))
    ring = draw(st.sampled_from(ev.Ring))

    def step(situation: Watched) -> None:
        word = heartbeat(node, sequence, situation.now + offset, **fields)
        situation.decide(ev.Received(ring, word))

    return step


@st.composite
def frames(draw: st.DrawFn) -> Step:
    """Any frame about anything."""
    about = st.sampled_from([*VIPS, WITNESS, "198.18.0.11", "198.18.0.13", "203.0.113.9"])
    return tell(
        ev.Sighting(draw(st.sampled_from(ev.Seen)), draw(about), draw(st.sampled_from(MACS)))
    )


@st.composite
def talk(draw: st.DrawFn) -> Step:
    """A question, an opinion, or a piece of definitions."""
    node, to = draw(names.filter(lambda name: name != B)), draw(st.sampled_from([B, B, C]))
    number, vips, held = draw(st.integers(0, 3)), draw(some_vips), draw(some_vips)
    ring = draw(st.sampled_from(ev.Ring))
    proved = draw(st.booleans())
    messages: list[Message] = [
        Opinion(node=node, to=to, number=number, proved=proved, silent=vips, held=held),
        Question(node=node, to=to, number=number, vips=vips),
        DefinitionsPiece(node=node, to=to, revision=2, checksum=0, index=0, count=1, data=b"x"),
    ]
    return tell(ev.Received(ring, draw(st.sampled_from(messages))))


@st.composite
def surroundings(draw: st.DrawFn) -> Step:
    """What stands around the machine changes."""
    name, beating, hearing = draw(st.sampled_from([A, C])), draw(st.booleans()), draw(st.booleans())
    helps, witness = draw(st.sampled_from(Helps)), draw(st.booleans())
    holders = draw(st.dictionaries(addresses, st.sampled_from(MACS), max_size=2))
    stale, refused = (
        draw(st.booleans()),
        draw(st.dictionaries(addresses, st.just("no"), max_size=1)),
    )

    def step(situation: Watched) -> None:
        if name in situation.peers:
            peer = situation.peers[name]
            peer.beats, peer.hears, peer.helps = beating, hearing, helps
        situation.answers = holders | ({WITNESS: STRANGER_MAC} if witness else {})
        situation.stale, situation.refused = stale, refused

    return step


@st.composite
def kernel(draw: st.DrawFn) -> Step:
    """Something leaves the kernel without being asked."""
    return tell(ev.KernelChanged(tuple(sorted(set(draw(some_vips))))))


rings = st.builds(ev.RingChanged, st.sampled_from(ev.Ring), st.booleans()).map(tell)
links = st.builds(ev.LinkChanged, st.just("eth0"), st.booleans()).map(tell)
news = st.builds(ev.Defined, files).map(tell)
lives = seconds.map(lambda s: lambda situation: situation.live(s))
sleeps = seconds.map(lambda s: lambda situation: situation.sleep(s * 4))
steps = st.one_of(
    lives,
    lives,
    beats(),
    wild_heartbeats(),
    frames(),
    talk(),
    surroundings(),
    kernel(),
    rings,
    links,
    news,
    sleeps,
)
wishes = st.sampled_from(
    [2, [Vip(vip(0), prefer=(B,)), Vip(vip(1), prefer=(A, B)), Vip(vip(2), follow=vip(0))]]
)


def run(situation: Watched, found: tuple[str, ...], plan: list[Step]) -> None:
    """Start, live a while, then step by step; the picture can be taken at any time."""
    situation.start(*found)
    for step in plan:
        step(situation)
        json.dumps(situation.machine.snapshot(situation.now), allow_nan=False)
    situation.live(0.5)


@settings(derandomize=True, deadline=None, max_examples=200, print_blob=True)
@given(
    st.sampled_from(PartitionPolicy),
    wishes,
    some_vips,
    st.sampled_from([0.0, 1.0, 2.5]),
    st.lists(steps, max_size=14),
)
def test_no_event_at_any_time_breaks_an_invariant(
    policy: PartitionPolicy,
    vips: int | list[Vip],
    found: tuple[str, ...],
    peace: float,
    plan: list[Step],
) -> None:
    definitions = define(vips=vips, partition_policy=policy)
    found = tuple(address for address in found if address in definitions.vips)
    run(Watched(definitions), found, [lambda situation: situation.live(peace), *plan])


@settings(derandomize=True, deadline=None, max_examples=60, print_blob=True)
@given(st.lists(steps, max_size=8), st.lists(steps, max_size=3))
def test_a_stop_always_ends_with_nothing_held(plan: list[Step], after: list[Step]) -> None:
    situation = Watched(define(vips=[Vip(vip(n), prefer=(B,)) for n in range(2)]))
    situation.ready()
    for step in plan:
        step(situation)
    situation.decide(ev.StopRequested())
    for step in after:
        step(situation)
    situation.live(STOP_SECONDS + 1.0)
    assert not situation.held
    assert situation.machine.finished
    situation.live(0.5)
    assert situation.machine.finished
    assert not situation.held


@settings(derandomize=True, deadline=None, max_examples=60, print_blob=True)
@given(st.lists(steps, max_size=8))
def test_the_same_events_are_decided_the_same_way(plan: list[Step]) -> None:
    runs = []
    for _ in range(2):
        situation = Watched(define(vips=2))
        situation.ready()
        for step in plan:
            step(situation)
        runs.append((situation.did, situation.told))
    assert runs[0] == runs[1]
