"""Rows of the bench out of given runs."""

import pytest

from bench.failover_rows import KINDS
from bench.report import Run, control_p99, over, row, rows, timeline
from workers.lab.core.probe_report import Overhead, ProbeReport, Recording, report, report_vip
from workers.lab.core.timeline import Answer, Round

INTERVAL = 0.005
VIP = "198.18.0.101"
MACS = {"mta1": "m1", "mta2": "m2"}
OVERHEAD = Overhead(rounds=800, skipped=0, late_p99=0.0, late_max=0.0, cpu_percent=0.0)


def probed(spans: list[tuple[float, float, str]], echo_late: float = 0.0) -> ProbeReport:
    """Four seconds of a VIP that each node answers in its spans; the heir's echo comes late."""
    rounds, answers = [], []
    for number in range(800):
        at = number * INTERVAL
        nodes = [node for start, end, node in spans if start <= at < end]
        rounds.append(Round(at, frozenset(MACS[node] for node in nodes)))
        late = echo_late if nodes and nodes[0] != spans[0][2] else 0.0
        first = spans[-1][0]
        if nodes and (not late or at >= first + late):
            answers.append(Answer(at, nodes[0]))
    recording = Recording(vip=VIP, answers=answers, echoes=800, rounds=rounds)
    return report([report_vip(recording, 0.0, 4.0, INTERVAL, INTERVAL)], 0.0, 4.0, OVERHEAD)


def run(scenario: str, probe: ProbeReport, struck_at: float | None = 0.5) -> Run:
    """A run whose victim is mta1."""
    return Run(
        scenario=scenario,
        victim="mta1",
        struck_at=struck_at,
        victim_vips=(VIP,),
        victim_mac="m1",
        probe=probe,
    )


CALM = probed([(0.0, 4.0, "mta1")])
MOVED = probed([(0.0, 0.5, "mta1"), (1.2, 4.0, "mta2")])


def value_of(name: str, runs: list[Run]) -> tuple[float | None, bool | None]:
    """Value and verdict of a row."""
    found = next(each for each in rows(runs, KINDS) if each.name == name)
    return found.value, found.holds


def test_the_rows_are_those_of_the_promise() -> None:
    """Given the kinds, then their names are the fixed ones, each once."""
    assert sorted(kind.name for kind in KINDS) == sorted(
        (
            "control.outage",
            "power-loss.outage",
            "power-loss.two_owners",
            "kill-agent.outage",
            "kill-agent.two_owners",
            "stop-agent.outage_after_lease",
            "stop-agent.two_owners",
            "freeze.two_owners",
            "split.outage",
            "split.two_owners",
            "broker-kill.outage",
            "broker-kill.two_owners",
            "broker-kill+power-loss.outage",
            "broker-kill+power-loss.two_owners",
        )
    )


def test_an_outage_is_the_median_of_the_runs() -> None:
    """Given one bad run of three, then the median holds."""
    bad = probed([(0.0, 0.5, "mta1"), (2.5, 4.0, "mta2")])
    runs = [run("power-loss", probe) for probe in (MOVED, bad, MOVED)]
    value, holds = value_of("power-loss.outage", runs)
    assert value == pytest.approx(0.7, abs=0.011)
    assert holds is True


def test_two_owners_is_the_maximum_of_the_runs() -> None:
    """Given two owners in one run of ten, then the row does not hold."""
    shared = probed([(0.0, 1.0, "mta1"), (0.9, 4.0, "mta2")])
    runs = [run("power-loss", probe) for probe in [MOVED] * 9 + [shared]]
    value, holds = value_of("power-loss.two_owners", runs)
    assert value == pytest.approx(0.1, abs=0.006)
    assert holds is False


def test_what_must_not_show_is_bounded_by_the_control() -> None:
    """Given control runs, then their 99th percentile plus 10 ms is the bound."""
    runs = [run("control", CALM, None), run("kill-agent", CALM)]
    found = next(each for each in rows(runs, KINDS) if each.name == "kill-agent.outage")
    assert control_p99(runs) == pytest.approx(0.005, abs=0.006)
    assert found.bound == pytest.approx((control_p99(runs) or 0) + 0.010, abs=1e-4)
    assert found.holds is True
    assert value_of("kill-agent.outage", [run("kill-agent", CALM)])[1] is False


def test_the_control_is_reported_without_a_verdict() -> None:
    """Given control runs, then their row has a value and nothing to hold."""
    assert value_of("control.outage", [run("control", CALM, None)])[1] is None


def test_outage_after_lease_counts_from_the_old_kernels_last_answer() -> None:
    """Given a kernel that serves until 3.5 s, then the time to the heir's first echo counts."""
    probe = probed([(0.0, 3.5, "mta1"), (3.6, 4.0, "mta2")], echo_late=0.02)
    value, holds = value_of("stop-agent.outage_after_lease", [run("stop-agent", probe)])
    assert value == pytest.approx(0.12, abs=0.011)
    assert holds is True


def test_an_heir_that_never_comes_is_out_until_the_end() -> None:
    """Given nobody after the lease, then the rest of the measure counts."""
    probe = probed([(0.0, 3.0, "mta1")])
    value, holds = value_of("stop-agent.outage_after_lease", [run("stop-agent", probe)])
    assert value == pytest.approx(1.0, abs=0.011)
    assert holds is False


def test_a_row_without_runs_does_not_hold() -> None:
    """Given no run, then there is no value and no promise kept."""
    assert value_of("freeze.two_owners", []) == (None, False)
    assert row("consumer.rss_mb", [50.0], "MiB", 60.0).holds is True


def test_trouble_names_the_rows_a_single_run_breaks() -> None:
    """Given a run over its bound, then its rows are named; a run within is no trouble."""
    assert over(run("power-loss", MOVED), [], KINDS) == []
    long = probed([(0.0, 0.5, "mta1"), (2.5, 4.0, "mta2")])
    assert over(run("power-loss", long), [], KINDS) == ["power-loss.outage"]
    control = run("control", CALM, None)
    assert over(run("split", MOVED), [control], KINDS) == ["split.outage"]


def test_a_time_line_counts_from_the_fault() -> None:
    """Given a run, then its gap is told in seconds from the fault."""
    told = "\n".join(timeline(run("power-loss", MOVED), {"mta2": ["taken"]}))
    assert "gap of 0.7" in told or "gap of 0.69" in told
    assert "+0.700" in told
    assert "mta2: taken" in told
