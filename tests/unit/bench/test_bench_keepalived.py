"""The rows of the comparison out of given runs, and the order in which labs are measured."""

import pytest

from bench.keepalived_comparison import turns
from bench.keepalived_rows import KINDS, MANAGED_KINDS, RATIOS, SCENARIO_OF, compared
from bench.keepalived_sides import (
    MANAGED,
    OURS,
    OURS_SHORT,
    PEER,
    PEER_SHORT,
    QUICK,
    SIDES,
    Side,
)
from bench.report import Run
from bench.scenarios import SCENARIOS
from workers.lab.core.probe_report import Overhead, ProbeReport

PROMISED = (
    *("power-loss.ratio_default", "power-loss.ratio_equal_interval"),
    *("cable.ratio_equal_interval", "isolate.ratio_equal_interval"),
    *("kill-agent.two_owners_max", "stop-agent.two_owners_max", "split.two_owners_max"),
    *("heal.client_wrong_max", "planned-move.outage_p99"),
)
OVERHEAD = Overhead(rounds=1, skipped=0, late_p99=0.0, late_max=0.0, cpu_percent=0.0)


def run(scenario: str, side: Side, outage: float, two_owners: float = 0.0) -> Run:
    probe = ProbeReport(
        started=0.0, ended=6.0, outage=outage, two_owners=two_owners, vips=(), overhead=OVERHEAD
    )
    return Run(
        scenario=scenario,
        side=side.name,
        victim="mta1",
        struck_at=0.5,
        victim_vips=(),
        victim_mac="m1",
        probe=probe,
    )


def test_every_promised_row_is_there_and_every_row_has_its_scenario() -> None:
    """Given the kinds, then names are unique and each is measured by some lab."""
    names = [kind.name for kind in (*KINDS, *MANAGED_KINDS)] + list(RATIOS)
    assert len(set(names)) == len(names)
    assert set(PROMISED) <= set(names)
    assert set(SCENARIO_OF) == set(names)
    assert set(SCENARIO_OF.values()) <= {*OURS.scenarios, *MANAGED.scenarios}


def test_every_scenario_of_a_side_is_in_the_catalogue() -> None:
    """Given the sides, then what they are put through exists, and all that exists is used."""
    known = {scenario.name for scenario in SCENARIOS}
    assert {name for side in (*SIDES, MANAGED) for name in side.scenarios} == known
    assert set(QUICK) <= known


def test_a_fault_that_all_know_has_outage_and_two_owners() -> None:
    """Given the fault table, then each scenario has both rows."""
    names = {kind.name for kind in (*KINDS, *MANAGED_KINDS)}
    for scenario in SCENARIOS:
        if scenario.name not in ("control", "planned-move"):
            assert {f"{scenario.name}.outage", f"{scenario.name}.two_owners_max"} <= names


def test_a_ratio_is_of_the_medians_and_its_runs_are_pairs() -> None:
    """Given outages of both sides, then medians are divided, and each round by itself."""
    runs = [run("power-loss", OURS, each) for each in (0.4, 0.5, 3.0)]
    runs += [run("power-loss", PEER, each) for each in (2.0, 2.5, 3.0)]
    found = next(row for row in compared(runs) if row.name == "power-loss.ratio_default")
    assert found.value == pytest.approx(0.2)
    assert found.runs == (0.2, 0.2, 1.0)
    assert found.peers == {"ours": 0.5, "keepalived": 2.5}
    assert found.holds is True


def test_a_ratio_of_one_side_alone_does_not_hold() -> None:
    """Given no run of the peer, then there is nothing to compare with."""
    found = next(
        row
        for row in compared([run("cable", OURS_SHORT, 0.3)])
        if row.name == "cable.ratio_equal_interval"
    )
    assert (found.value, found.holds) == (None, False)


def test_our_rows_have_the_other_sides_beside_them() -> None:
    """Given keepalived with two owners, then our row holds and shows its figure."""
    runs = [
        run("split", OURS, 0.0),
        run("split", PEER, 0.0, 4.2),
        run("split", PEER_SHORT, 0.0, 2.7),
    ]
    found = next(row for row in compared(runs) if row.name == "split.two_owners_max")
    assert found.holds is True
    assert found.peers == {"keepalived": 4.2, "keepalived at 0.1 s": 2.7}


def test_sides_take_turns_in_every_scenario() -> None:
    """Given two rounds, then all sides have a scenario before the next one begins."""
    order = list(turns(2, {"power-loss", "drain"}, SIDES))
    told = [(number, scenario.name, side.name) for number, scenario, side in order]
    names = [side.name for side in SIDES]
    one = [("power-loss", name) for name in names] + [("drain", OURS.name)]
    assert told == [(number, *each) for number in (0, 1) for each in one]
