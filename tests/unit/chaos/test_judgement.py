"""What a client may see, row by row of the fault table, alone and in combination."""

from dataclasses import replace

import pytest

from chaos.core.judgement import Evidence, outages, two_owners
from chaos.core.steps import Change, ChangeKind, Deed, Heal, HealAll
from tests.unit.chaos.played import END, VIP, ZERO, fault, macs, played, report
from workers.lab.core.faults import FaultKind
from workers.lab.core.probe_report import VipReport

F = FaultKind
LAST = END - ZERO


def silence(start: float, seconds: float, heir: str = "mta2") -> VipReport:
    """The VIP of mta1 falls silent and is answered by its heir."""
    return report((0, start, "mta1"), (start + seconds, LAST, heir))


def broken(seen: VipReport, known: Evidence) -> bool:
    return any(not each.noisy for each in outages(seen, macs(), known))


@pytest.mark.parametrize("kind", [F.POWER_LOSS, F.LINK_DOWN, F.CABLE, F.ISOLATE])
def test_a_node_off_the_net_costs_one_detection(kind: FaultKind) -> None:
    known = played((1, fault(kind, "mta1")))

    assert not broken(silence(1, 0.70), known)
    assert broken(silence(1, 0.80), known)


@pytest.mark.parametrize("kind", [F.POWER_LOSS, F.LINK_DOWN, F.CABLE, F.ISOLATE])
def test_what_befalls_another_node_is_not_noticed(kind: FaultKind) -> None:
    assert broken(silence(1, 0.1), played((1, fault(kind, "mta2"))))


@pytest.mark.parametrize(
    "deed",
    [
        fault(F.KILL_AGENT, "mta1"),
        fault(F.SPLIT, "mta1", "mta2", "mta3"),
        fault(F.BROKER_KILL, "broker1"),
        fault(F.BROKER_FREEZE, "broker1"),
        fault(F.BROKER_CUT, "broker1"),
        fault(F.RING_B_DOWN, "mta1", "mta2", "mta3"),
        fault(F.CLOCK_STEP, "mta1", "3600"),
        fault(F.CUT, "mta1", "mta2"),
        fault(F.STOP_AGENT, "mta1"),
    ],
    ids=str,
)
def test_what_the_table_calls_none_costs_nothing(deed: Deed) -> None:
    assert broken(silence(1.01, 0.1), played((1, deed)))


@pytest.mark.parametrize("kind", [F.STOP_AGENT, F.KILL_AGENT_FOR_GOOD])
def test_a_lease_that_ends_costs_little_and_only_then(kind: FaultKind) -> None:
    known = played((1, fault(kind, "mta1")))

    assert not broken(silence(4.1, 0.15), known)
    assert broken(silence(4.1, 0.3), known)
    assert broken(silence(2.0, 0.15), known)


def test_the_echo_of_a_frozen_node_is_silent_until_its_lease_has_ended() -> None:
    known = played((1, fault(F.FREEZE, "mta1")))

    assert not broken(silence(1, 3.7), known)
    assert broken(silence(1, 4.2), known)


def test_an_heir_that_dies_too_costs_another_detection() -> None:
    known = played((1, fault(F.POWER_LOSS, "mta1")), (1.4, fault(F.POWER_LOSS, "mta2")))

    assert not broken(silence(1, 1.40, "mta3"), known)
    assert broken(silence(1, 1.50, "mta3"), known)


def test_a_client_may_be_deaf_to_the_owner_as_long_as_it_is_cut_off() -> None:
    known = played((1, fault(F.CUT, "mta1", "client")), (5, HealAll()))

    assert not broken(silence(1, 4.5, "mta1"), known)
    assert broken(silence(8, 0.1, "mta3"), played((1, fault(F.CUT, "mta2", "client"))))


def test_nobody_need_serve_when_no_node_is_left() -> None:
    known = played((1, fault(F.POWER_LOSS, "mta1")), (5, HealAll()), nodes=1)

    assert not broken(silence(1, 7.5, "mta1"), known)


def test_a_part_without_witness_and_peers_need_not_serve() -> None:
    cut = fault(F.PARTITION, "mta1", "client", "/", "mta2", "mta3", "gateway", "broker1")

    assert not broken(report((0, 1.5, "mta1")), played((1, cut)))


def test_after_healing_the_client_is_right_within_a_second() -> None:
    cut = fault(F.PARTITION, "mta1", "mta2", "client", "gateway", "/", "mta3", "broker1")
    known = played((1, cut), (4, HealAll()))

    assert not broken(silence(4.05, 0.9), known)
    assert broken(silence(4.05, 1.2), known)


def test_a_planned_move_costs_next_to_nothing_unless_a_fault_meets_it() -> None:
    drain = Change(ChangeKind.DRAIN, "mta1", via=("mta1",))
    known = replace(played((1, drain)), planned={VIP: [ZERO + 1.1]})
    dying = replace(
        played((1, drain), (1.2, fault(F.POWER_LOSS, "mta2"))), planned={VIP: [ZERO + 1.1]}
    )

    assert not broken(silence(1.1, 0.03), known)
    assert broken(silence(1.1, 0.1), known)
    assert not broken(silence(1.1, 1.7, "mta3"), dying)


def test_a_node_removed_before_it_is_drained_is_as_good_as_dead() -> None:
    known = played((1, Change(ChangeKind.REMOVE_NODE, "mta1", via=("mta1",))))

    assert not broken(silence(1.1, 0.7), known)
    assert broken(silence(1.1, 0.8), known)
    other = played((1, Change(ChangeKind.REMOVE_NODE, "mta2", via=("mta1",))))
    assert broken(silence(1.1, 0.1), other)


def test_an_echo_kept_waiting_while_the_kernel_answers_is_noise() -> None:
    seen = report((0, 3, "mta1"), (3.5, LAST, "mta1"), wire=[(0, LAST, ("mta1",))])
    found = outages(seen, macs(), played((1, fault(F.CLOCK_STEP, "mta1", "7"))))

    assert [each.noisy for each in found] == [True]


def both(start: float, seconds: float) -> VipReport:
    """mta1 and mta2 both answer."""
    return report(
        (0, LAST, "mta1"),
        wire=[(0, start, ("mta1",)), (start, start + seconds, ("mta1", "mta2"))],
    )


@pytest.mark.parametrize(
    "deed",
    [
        fault(F.POWER_LOSS, "mta1"),
        fault(F.ISOLATE, "mta1"),
        fault(F.SPLIT, "mta1", "mta2", "mta3"),
        fault(F.CUT, "mta1", "mta2"),
        fault(F.PARTITION, "mta1", "/", "mta2", "mta3"),
        fault(F.BROKER_KILL, "broker1"),
        fault(F.KILL_AGENT, "mta1"),
    ],
    ids=str,
)
def test_one_cut_allows_no_two_owners_at_all(deed: Deed) -> None:
    assert two_owners(both(3, 0.005), macs(), played((1, deed)))


def test_both_rings_and_arp_cut_allow_two_owners_until_they_hear_each_other() -> None:
    split = fault(F.SPLIT, "mta1", "mta2", "mta3")
    known = played((1, fault(F.BROKER_KILL, "broker1")), (2, split), (6, HealAll()))

    assert not two_owners(both(3, 3.2), macs(), known)
    assert two_owners(both(3, 3.5), macs(), known)
    assert two_owners(both(8, 0.01), macs(), known)
    assert two_owners(both(1, 0.5), macs(), known)


def test_a_third_voice_allows_no_two_owners() -> None:
    cut = fault(F.CUT, "mta1", "mta2")
    known = played((1, fault(F.BROKER_KILL, "broker1")), (2, cut))

    assert two_owners(both(3, 0.005), macs(), known)
    alone = played((1, fault(F.BROKER_KILL, "broker1")), (1, fault(F.POWER_LOSS, "mta3")), (2, cut))
    assert not two_owners(both(3, 3), macs(), alone)


def test_the_link_of_a_stopped_agent_comes_back_while_it_is_healed() -> None:
    known = played(
        (1, fault(F.STOP_AGENT, "mta1")),
        (2, fault(F.CABLE, "mta1")),
        (3, Heal(F.CABLE, ("mta1",))),
    )

    assert not two_owners(both(3.002, 0.12), macs(), known)
    assert two_owners(both(3.002, 0.2), macs(), known)


def test_a_stopped_agent_whose_link_comes_back_is_a_second_owner_for_one_probe() -> None:
    known = played((1, fault(F.STOP_AGENT, "mta1")))

    assert not two_owners(both(3, 0.13), macs(), known)
    assert two_owners(both(3, 0.2), macs(), known)
