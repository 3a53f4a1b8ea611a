"""The rows of the comparison out of given runs, and the order in which labs are measured."""

import pytest

from bench.keepalived import KeepalivedBench
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
from bench.options import Options
from bench.report import Bound, Row, Run
from bench.scenarios import SCENARIOS
from workers.lab.core.probe_report import Overhead, ProbeReport

PROMISED = {
    "power-loss.ratio_default": 0.25,
    "power-loss.ratio_equal_interval": 1.0,
    "cable.ratio_equal_interval": 1.0,
    "isolate.ratio_equal_interval": 1.0,
    "kill-agent.two_owners_max": 0.0,
    "stop-agent.two_owners_max": 0.0,
    "split.two_owners_max": 0.0,
    "heal.client_wrong_max": 1.0,
    "planned-move.outage_p99": 0.020,
    "drain-1000.vip_gap_p99": 0.100,
    "vips-1000.last_answer": 1.0,
    "vips-10240.last_answer": 2.5,
    "vips-10240.renewal_cpu_percent": 0.5,
    "vips-10240.consumer_cpu_percent": 3.0,
    "nodes-16.outage": 0.9,
    "nodes-16.consumer_cpu_percent": 2.5,
}
UNNOTICED = Bound.UNNOTICED
FAULTS: dict[str, tuple[float | Bound, float]] = {
    "power-loss": (0.7, 0.0),
    "cable": (0.7, 0.0),
    "kill-agent": (UNNOTICED, 0.0),
    "kill-agent-for-good": (0.150, 0.0),
    "stop-agent": (0.150, 0.0),
    "freeze": (0.150, 0.0),
    "isolate": (0.7, 0.0),
    "clean-stop": (0.020, 0.0),
    "drain": (0.020, 0.0),
    "planned-move": (0.020, 0.0),
    "split": (UNNOTICED, 0.0),
    "broker-kill": (UNNOTICED, 0.0),
    "broker-freeze": (UNNOTICED, 0.0),
    "broker-cut": (UNNOTICED, 0.0),
    "broker-kill+power-loss": (0.7, 0.0),
    "manager-down": (UNNOTICED, 0.0),
    "manager-down+power-loss": (0.7, 0.0),
    "clock-step": (UNNOTICED, 0.0),
    "heal": (UNNOTICED, 0.2),
    "stop-agent+link-flap": (UNNOTICED, 0.130),
    "double-cut": (UNNOTICED, 3.7),
    "double-cut-quorum": (0.7, 0.0),
}
"""The fault table: outage and two owners. A double cut lasts for 3.5 s and an interval."""
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


def rows_without_runs() -> dict[str, Row]:
    """What the whole bench tells before it has measured anything."""
    return {row.name: row for row in KeepalivedBench(Options(), print).rows()}


def test_every_promised_row_is_told_with_its_bound() -> None:
    """Given the bench, then its rows have the promised names and bounds."""
    bounds = {name: row.bound for name, row in rows_without_runs().items()}
    assert {name: bounds.get(name) for name in PROMISED} == PROMISED


def test_every_fault_is_told_with_outage_and_two_owners() -> None:
    """Given the fault table, then each fault that can be made has both rows as it says."""
    bounds = {kind.name: kind.bound for kind in (*KINDS, *MANAGED_KINDS)}
    found = {
        fault: (bounds[f"{fault}.outage"], bounds[f"{fault}.two_owners_max"]) for fault in FAULTS
    }
    assert found == FAULTS
    assert {*FAULTS, "control"} == {scenario.name for scenario in SCENARIOS}
    assert bounds.keys() <= rows_without_runs().keys()


def test_nothing_holds_that_was_not_measured() -> None:
    """Given no run at all, then no row holds; those of controls have nothing to hold."""
    held = {name: row.holds for name, row in rows_without_runs().items()}
    assert {name for name, holds in held.items() if holds is not False} == {
        "control.outage",
        "manager-control.outage",
    }


def test_every_row_has_its_scenario() -> None:
    """Given the kinds, then names are unique and each is measured by some lab."""
    names = [kind.name for kind in (*KINDS, *MANAGED_KINDS)] + list(RATIOS)
    assert len(set(names)) == len(names)
    assert set(SCENARIO_OF) == set(names)
    assert set(SCENARIO_OF.values()) <= {*OURS.scenarios, *MANAGED.scenarios}


def test_every_scenario_of_a_side_is_in_the_catalogue() -> None:
    """Given the sides, then what they are put through exists, and all that exists is used."""
    known = {scenario.name for scenario in SCENARIOS}
    assert {name for side in (*SIDES, MANAGED) for name in side.scenarios} == known
    assert set(QUICK) <= known


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
