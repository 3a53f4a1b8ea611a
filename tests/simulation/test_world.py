"""The world keeps the contract of the real shell and kernel: leases, stale takes, late messages."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from tests.simulation.draft import Draft
from tests.simulation.plan import Bounds, Step
from tests.simulation.world import World
from workers.failover.core.actions import (
    Action,
    Announce,
    Exit,
    Fact,
    HandDefinitions,
    Probe,
    Probing,
    Release,
    Renew,
    Send,
    Take,
)
from workers.failover.core.definitions import Definitions, Vip
from workers.failover.core.events import (
    Event,
    KernelChanged,
    Received,
    Ring,
    Seen,
    Sighting,
    Started,
    Taken,
    Wake,
)
from workers.failover.core.messages import Question

VIP = "198.18.0.101"
OTHER = "198.18.0.102"
Script = list[tuple[float, Callable[[float], Action]]]


class Scripted:
    """A machine that does what it is told at the seconds it is told, and remembers what it saw."""

    def __init__(self, script: Script) -> None:
        self.script = list(script)
        self.born = math.inf
        self.seen: list[tuple[float, Event]] = []

    def decide(self, event: Event, now: float) -> tuple[list[Action], list[Fact]]:
        """Act when woken."""
        if isinstance(event, Started):
            self.born = now
        self.seen.append((now - self.born, event))
        actions: list[Action] = []
        while isinstance(event, Wake) and self.script and now >= self.born + self.script[0][0]:
            actions.append(self.script.pop(0)[1](now))
        return actions, []

    patience = 0.0

    def deadline(self) -> float:
        """The next line of the script."""
        return self.born + self.script[0][0] if self.script else math.inf

    def snapshot(self, now: float) -> dict[str, Any]:
        """Nothing is believed."""
        return {"vips": {}}

    def of(self, kind: type) -> list[Any]:
        """Events of one kind, in order."""
        return [event for _, event in self.seen if isinstance(event, kind)]


class Stage:
    """A world of scripted machines."""

    def __init__(self, steps: list[Step], **scripts: Script) -> None:
        draft = Draft("stage", 1, Bounds(1e9, 1e9, 1e9), nodes=(3, 3))
        draft.plan.definitions.vips.clear()
        draft.plan.definitions.vips[VIP] = Vip(VIP)
        plan = draft.plan
        plan.steps, plan.starts, plan.ends, plan.rests = steps, {}, 20.0, False
        self.lives: dict[str, list[Scripted]] = {}
        self.scripts = scripts

        def machine(me: str, definitions: Definitions, incarnation: int, macs: object) -> Scripted:
            lives = self.lives.setdefault(me, [])
            lives.append(Scripted(self.scripts.get(me, []) if not lives else []))
            return lives[-1]

        self.world = World(plan, machine)

    def at(self, seconds: float) -> World:
        """Run until then."""
        self.world._run_until(seconds)
        assert self.world.violation is None
        return self.world

    def machine(self, name: str) -> Scripted:
        """The newest life of a node's machine."""
        return self.lives[name][-1]

    def holds(self, name: str) -> set[str]:
        """What a node's kernel has."""
        return self.world.hosts[name].kernel.held


def take(now: float) -> Take:
    """Take the VIP."""
    return Take((VIP,), now)


def renew(now: float) -> Renew:
    """Renew it."""
    return Renew((VIP,), now)


def test_a_lease_ends_within_half_a_second_after_its_time() -> None:
    """Given a take at 1 s, when nobody renews, then the VIP goes between 4 and 4.5 s."""
    stage = Stage([], mta1=[(1.0, take)])
    stage.at(3.99)
    assert stage.holds("mta1") == {VIP}
    stage.at(4.51)
    assert stage.holds("mta1") == set()
    assert stage.machine("mta1").of(KernelChanged) == [KernelChanged(gone=(VIP,))]


def test_a_renewal_prolongs_and_a_late_one_restores_nothing() -> None:
    """Given renewals in time and one too late, then only the first keeps the VIP."""
    stage = Stage([], mta1=[(1.0, take), (3.0, renew), (8.0, renew)])
    stage.at(5.9)
    assert stage.holds("mta1") == {VIP}
    stage.at(8.5)
    assert stage.holds("mta1") == set()


def test_the_kernel_answers_while_the_agent_is_stopped_and_the_agent_hears_later() -> None:
    """Given a stopped owner, when another probes, then the kernel answers at once."""
    probe = Probe((VIP,), Probing.TAKER)
    stage = Stage(
        [Step(2.0, "stop", ("mta1",)), Step(3.0, "resume", ("mta1",))],
        mta1=[(1.0, take)],
        mta2=[(2.5, lambda _now: probe)],
    )
    stage.at(2.9)
    assert [s.seen for s in stage.machine("mta2").of(Sighting)] == [Seen.ANSWER]
    assert stage.machine("mta1").of(Sighting) == []
    assert stage.machine("mta3").of(Sighting) == [Sighting(Seen.PROBE, VIP, "02:00:00:00:00:02")]
    stage.at(3.1)
    assert [s.seen for s in stage.machine("mta1").of(Sighting)] == [Seen.PROBE]


def test_of_ordinary_requests_agents_are_not_told_and_unicast_only_reaches_its_mac() -> None:
    """Given a check and a unicast question, then whoever has the address answers, and that is all.

    The real shell passes on frames about VIPs, and answers to what it asked.
    """
    check = Probe((VIP,), Probing.CHECK)
    script: Script = [(0.5, take)]
    alone = Probe((VIP,), Probing.UNICAST, "02:00:00:00:00:03")
    wrong = Probe((VIP,), Probing.UNICAST, "02:00:00:00:00:01")
    asked: Script = [(at, lambda _now, p=probe: p) for at, probe in
                     ((1.0, check), (2.0, alone), (3.0, wrong))]  # fmt: skip
    stage = Stage([], mta3=script, mta2=asked)
    stage.at(3.4)
    assert stage.machine("mta1").of(Sighting) == []
    answer = Sighting(Seen.ANSWER, VIP, "02:00:00:00:00:03")
    assert stage.machine("mta2").of(Sighting) == [answer, answer]


@pytest.mark.parametrize("point", ["BEFORE_CHECK", "BEFORE_CALL", "AFTER_CALL"])
def test_a_take_that_a_stop_made_stale_leaves_nothing(point: str) -> None:
    """Given a stop of 0.2 s around the call, then Taken says stale and the kernel has nothing."""
    stage = Stage([Step(0.5, "ambush", ("mta1", point, 0.2))], mta1=[(1.0, take)])
    stage.at(1.1)
    assert stage.holds("mta1") == ({VIP} if point == "AFTER_CALL" else set())
    stage.at(1.3)
    assert stage.holds("mta1") == set()
    assert stage.machine("mta1").of(Taken) == [Taken((), (), stale=True)]


def test_a_short_stop_around_the_call_leaves_the_take_valid() -> None:
    """Given a stop of 20 ms, then the take is good, and Taken comes before any other event."""
    stage = Stage([Step(0.5, "ambush", ("mta1", "AFTER_CALL", 0.02))], mta1=[(1.0, take)])
    stage.at(1.1)
    assert stage.holds("mta1") == {VIP}
    events = [type(event) for _, event in stage.machine("mta1").seen]
    assert events[events.index(Taken) - 1] is Wake


def test_a_killed_agent_adopts_what_the_kernel_kept_under_a_new_incarnation() -> None:
    """Given kill -9 with a running lease, then the next life is told of the VIP."""
    stage = Stage([Step(2.0, "kill", ("mta1", 0.4))], mta1=[(1.0, take)])
    stage.at(3.0)
    assert stage.machine("mta1").seen[0][1] == Started((VIP,))
    assert stage.world.hosts["mta1"].incarnation == 2


def test_power_loss_takes_everything_and_the_disk_remains() -> None:
    """Given a power loss and return, then the kernel is empty and the incarnation goes on."""
    stage = Stage(
        [Step(2.0, "power_loss", ("mta1",)), Step(2.5, "power_return", ("mta1",))],
        mta1=[(1.0, take)],
    )
    stage.at(2.1)
    assert stage.holds("mta1") == set()
    stage.at(2.6)
    assert stage.machine("mta1").seen[0][1] == Started(())
    assert stage.world.hosts["mta1"].incarnation == 2


def test_a_paused_machine_keeps_its_lease_for_the_rest_of_its_time() -> None:
    """Given a pause of 5 s one second after the take, then the VIP lives on after it, and ends."""
    stage = Stage(
        [Step(2.0, "pause", ("mta1", False)), Step(7.0, "unpause", ("mta1",))],
        mta1=[(1.0, take)],
    )
    stage.at(8.9)
    assert stage.holds("mta1") == {VIP}
    stage.at(9.6)
    assert stage.holds("mta1") == set()
    changed = next(at for at, e in stage.machine("mta1").seen if isinstance(e, KernelChanged))
    assert 3.9 < changed < 4.6


def question(now: float) -> Send:
    """Any message, to everybody, on both rings."""
    return Send(Question(node="mta1", to="mta2", number=1, vips=(VIP,)))


def test_messages_go_on_both_rings_to_everybody_else() -> None:
    """Given one Send, then each peer gets it once on each ring and the sender not at all."""
    stage = Stage([], mta1=[(1.0, question)])
    stage.at(2.0)
    for name in ("mta2", "mta3"):
        rings = [event.ring for event in stage.machine(name).of(Received)]
        assert sorted(rings, key=lambda ring: ring.value) == [Ring.A, Ring.B]
    assert stage.machine("mta1").of(Received) == []


def test_a_broker_that_holds_delivers_late_and_a_cut_connection_too() -> None:
    """Given a holding broker until 3 s, then ring A's message comes after that, not before."""
    stage = Stage([Step(0.5, "broker_holds"), Step(3.0, "broker_speaks")], mta1=[(1.0, question)])
    stage.at(2.9)
    assert [e.ring for e in stage.machine("mta2").of(Received)] == [Ring.B]
    stage.at(3.1)
    assert [e.ring for e in stage.machine("mta2").of(Received)] == [Ring.B, Ring.A]


def test_definitions_are_handed_over_ring_b_only_when_it_reaches() -> None:
    """Given a newer revision on one disk, when it is handed over a cut, then it does not arrive."""
    hand: Script = [
        (1.0, lambda _now: HandDefinitions("mta2")),
        (3.0, lambda _now: HandDefinitions("mta2")),
    ]
    stage = Stage(
        [
            Step(0.5, "define", ("mta1", OTHER, VIP)),
            Step(0.6, "cut", ("b", "mta1", "mta2")),
            Step(2.0, "mend", ("b", "mta1", "mta2")),
        ],
        mta1=hand,
    )
    stage.at(1.9)
    assert stage.world.hosts["mta2"].disk.revision == 1
    stage.at(3.1)
    assert stage.world.hosts["mta2"].disk.revision == 2


def test_the_watch_sees_outages_and_two_owners_as_a_client_does() -> None:
    """Given two kernels with one VIP and then none, then both are measured."""
    stage = Stage(
        [],
        mta1=[(3.0, take), (5.0, lambda _now: Release((VIP,)))],
        mta2=[
            (4.0, take),
            (4.01, lambda _now: Announce((VIP,))),
            (6.0, lambda _n: Release((VIP,))),
        ],
    )
    world = stage.at(9.0)
    world.watch.end()
    assert world.watch.worst_two == pytest.approx(1.0, abs=0.01)
    assert world.watch.worst_outage == pytest.approx(3.0, abs=0.05)


def test_a_client_keeps_the_old_mac_until_it_is_told() -> None:
    """Given a move without an announcement, then the client is served again only after one."""
    stage = Stage(
        [],
        mta1=[(1.0, take), (3.0, lambda _now: Release((VIP,)))],
        mta2=[(3.0, take), (4.0, lambda _now: Announce((VIP,))), (4.1, lambda _now: Exit("done"))],
    )
    world = stage.at(4.5)
    assert world.watch.worst_outage == pytest.approx(1.0, abs=0.01)


def test_a_broker_slower_than_death_tells_nothing_until_a_word_comes_in_time() -> None:
    """Given words under way for more than 0.6 s, when they are, then their sender is not heard."""
    stage = Stage(
        [Step(1.0, "delay_broker", (0.9,)), Step(3.0, "delay_broker", (0.0009,))],
        mta1=[(1.5, question), (3.5, question)],
    )
    broker = stage.at(2.0).broker
    assert broker.tells("mta1", "mta2")
    stage.at(2.2)
    assert not broker.tells("mta1", "mta2")
    assert broker.tells("mta2", "mta1")
    stage.at(3.4)
    assert not broker.tells("mta1", "mta2")
    stage.at(3.6)
    assert broker.tells("mta1", "mta2")
