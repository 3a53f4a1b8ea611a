"""Rounds on the wire: who is asked how, what an answer proves, when a check is done."""

import math
from dataclasses import replace

import pytest

from tests.unit.failover.situation import CIDR, WITNESS, A, define, mac, vip
from workers.failover.core.actions import Probe, Probing
from workers.failover.core.definitions import Definitions, Node, Topology, Vip
from workers.failover.core.outbox import Outbox
from workers.failover.core.rounds import ROUND_VIPS, Check, Rounds

HOLDER = mac(A)
PEER_ADDRESS = "198.18.0.11"


class Wire:
    """Rounds and the probes they send."""

    def __init__(self, definitions: Definitions | None = None) -> None:
        self.rounds = Rounds(definitions or define(vips=3))
        self.outbox = Outbox()

    def begin(self, *takers: str, unicast: tuple[tuple[str, str], ...] = ()) -> bool:
        """Open a round at instant 0."""
        return self.rounds.begin(0.0, takers, unicast, (WITNESS,), self.outbox)

    def check(self, *vips: str, rounds: int = 1, until: float = 0.3) -> Check:
        """Have VIPs checked."""
        check = Check("question", vips, rounds, until=until)
        self.rounds.checks.append(check)
        return check

    def turn(self, *answers: tuple[str, str], now: float = 0.03) -> list[Check]:
        """Open a round, hear answers, close it; returns the checks that are done."""
        self.begin()
        for address, link in answers:
            self.rounds.answer(address, link)
        return self.rounds.finish(now)[1]

    def probes(self) -> list[Probe]:
        """What was asked."""
        return [action for action in self.outbox.flush()[0] if isinstance(action, Probe)]


def test_nobody_asking_is_no_round() -> None:
    wire = Wire()
    assert not wire.begin()
    assert wire.rounds.current is None
    assert wire.rounds.deadline() == math.inf
    assert wire.probes() == []


def test_a_round_lasts_one_probe_interval() -> None:
    wire = Wire()
    assert wire.begin(vip(0))
    assert wire.rounds.deadline() == pytest.approx(0.03)


def test_every_round_asks_the_ground_too() -> None:
    wire = Wire()
    wire.begin(vip(0))
    assert wire.probes() == [
        Probe((WITNESS,), Probing.CHECK),
        Probe((vip(0),), Probing.TAKER),
    ]


def test_only_takers_send_taker_probes() -> None:
    wire = Wire()
    wire.check(vip(1))
    wire.begin(vip(0), unicast=((vip(2), HOLDER),))
    assert wire.probes()[1:] == [
        Probe((vip(0),), Probing.TAKER),
        Probe((vip(1),), Probing.CHECK),
        Probe((vip(2),), Probing.UNICAST, HOLDER),
    ]


def test_what_a_taker_asks_for_is_not_checked_twice() -> None:
    wire = Wire()
    wire.check(vip(0))
    wire.begin(vip(0))
    assert wire.probes()[1:] == [Probe((vip(0),), Probing.TAKER)]


def test_answers_of_what_was_asked_are_kept() -> None:
    wire = Wire()
    wire.begin(vip(0))
    wire.rounds.answer(vip(0), HOLDER)
    wire.rounds.answer(vip(1), HOLDER)
    assert wire.rounds.finish(0.03)[0].answered == {vip(0): HOLDER}


def test_an_answer_outside_any_round_is_nothing() -> None:
    wire = Wire()
    wire.rounds.answer(vip(0), HOLDER)
    wire.begin(vip(0))
    assert wire.rounds.finish(0.03)[0].answered == {}


WIDE, NARROW = Topology("198.18.0.0/16", "eth0"), Topology("198.18.0.0/24", "eth1")
OTHER = Topology("203.0.113.0/24", "eth0", (WITNESS, "198.18.9.1"))


@pytest.mark.parametrize("topologies", [(WIDE, NARROW, OTHER), (OTHER, NARROW, WIDE)])
def test_an_answer_proves_the_wire_it_came_over(topologies: tuple[Topology, ...]) -> None:
    definitions = replace(define(), topologies=topologies)
    assert definitions.ground[PEER_ADDRESS] == {NARROW.cidr}
    assert definitions.ground[WITNESS] == {NARROW.cidr}
    assert definitions.ground["198.18.9.1"] == {WIDE.cidr, OTHER.cidr}


def test_a_witness_proves_no_topology_that_a_node_has_elsewhere() -> None:
    odd = Node("mta4", "198.18.0.14", interfaces=((OTHER.cidr, "eth7"),))
    definitions = replace(define(), topologies=(WIDE, OTHER), nodes={"mta4": odd})
    assert definitions.ground[WITNESS] == {WIDE.cidr}


@pytest.mark.parametrize(
    ("definitions", "unproved"),
    [
        (define(), ()),
        (define(witnesses=()), ()),
        (define(nodes=(A,)), ()),
        (define(nodes=(A,), witnesses=()), (CIDR,)),
        (define(nodes=(A,), witnesses=("203.0.113.1",)), (CIDR,)),
        (replace(define(), topologies=(NARROW, OTHER)), (OTHER.cidr,)),
        (replace(define(), topologies=(WIDE, OTHER)), ()),
    ],
    ids=["witness", "peers", "alone", "alone, no witness", "elsewhere", "other wire", "same wire"],
)
def test_it_is_known_where_nothing_can_prove_the_wire(
    definitions: Definitions, unproved: tuple[str, ...]
) -> None:
    assert definitions.unproved == set(unproved)


@pytest.mark.parametrize("address", [WITNESS, PEER_ADDRESS])
def test_a_witness_or_a_peer_proves_the_wire(address: str) -> None:
    wire = Wire()
    wire.begin(vip(0))
    wire.rounds.answer(address, "02:00:00:00:00:aa")
    finished, _ = wire.rounds.finish(0.03)
    assert wire.rounds.proved(finished, vip(0))


def test_the_proof_of_one_round_is_none_of_the_next() -> None:
    wire = Wire()
    wire.begin(vip(0))
    wire.rounds.answer(WITNESS, "02:00:00:00:00:aa")
    wire.rounds.finish(0.03)
    wire.begin(vip(0))
    assert not wire.rounds.proved(wire.rounds.finish(0.06)[0], vip(0))


def test_ground_proves_only_its_own_topology() -> None:
    other = Topology("198.19.0.0/24", "eth1", ("198.19.0.1",))
    plain = define(vips=[Vip(vip(0)), Vip("198.19.0.101")])
    definitions = Definitions(
        "demo",
        "default",
        1,
        topologies=(*plain.topologies, other),
        nodes=plain.nodes,
        vips=plain.vips,
    )
    wire = Wire(definitions)
    wire.begin(vip(0), "198.19.0.101")
    wire.rounds.answer("198.19.0.1", "02:00:00:00:00:aa")
    finished, _ = wire.rounds.finish(0.03)
    assert wire.rounds.proved(finished, "198.19.0.101")
    assert not wire.rounds.proved(finished, vip(0))


def test_a_check_is_done_after_its_proved_rounds() -> None:
    wire = Wire()
    check = wire.check(vip(0), rounds=2)
    assert wire.turn((WITNESS, "w")) == []
    assert wire.turn((WITNESS, "w")) == [check]
    assert check.proved
    assert check.answered == {}
    assert wire.rounds.checks == []


def test_an_unproved_round_is_none_for_a_check() -> None:
    wire = Wire()
    wire.check(vip(0))
    assert wire.turn() == []


def test_a_check_without_proof_gives_up_and_says_so() -> None:
    wire = Wire()
    check = wire.check(vip(0), until=0.3)
    assert wire.turn(now=0.29) == []
    assert wire.turn(now=0.3) == [check]
    assert not check.proved


def test_a_check_remembers_answers_of_all_its_rounds() -> None:
    wire = Wire()
    check = wire.check(vip(0), vip(1), rounds=2)
    wire.turn((WITNESS, "w"), (vip(1), HOLDER))
    wire.turn((WITNESS, "w"))
    assert check.answered == {vip(1): HOLDER}


def test_a_check_that_came_during_a_round_waits_for_the_next() -> None:
    wire = Wire()
    wire.begin(vip(0))
    wire.check(vip(1))
    wire.rounds.answer(WITNESS, "w")
    assert wire.rounds.finish(0.03)[1] == []
    assert len(wire.rounds.checks) == 1


def test_many_vips_are_checked_in_pieces_one_after_another() -> None:
    wire = Wire()
    vips = [f"10.0.{n >> 8}.{n & 255}" for n in range(2 * ROUND_VIPS + 1)]
    wire.rounds.check("resume", vips, 0.0)
    asked: list[str] = []
    for turn in range(1, 4):
        assert wire.rounds.waits_for("resume")
        done = wire.turn(now=turn * 10.0)
        probed = [v for probe in wire.probes() for v in probe.addresses if v != WITNESS]
        assert len(probed) <= ROUND_VIPS
        assert [set(check.vips) for check in done] == [set(probed)]
        asked += probed
    assert sorted(asked) == sorted(vips)
    assert not wire.rounds.waits_for("resume")


def test_small_checks_share_a_round() -> None:
    wire = Wire()
    wire.rounds.check("question", [vip(0)], 0.0, asker=A, number=4)
    wire.rounds.check("adopt", [vip(1)], 0.0)
    assert {check.purpose for check in wire.turn(now=10.0)} == {"question", "adopt"}
