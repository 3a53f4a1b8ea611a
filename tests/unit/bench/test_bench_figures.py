"""Figures of single runs: who misled the client after a healing, and how planned moves went."""

import pytest

from bench import figures
from bench.report import Done, Run
from workers.lab.core.probe_report import (
    Overhead,
    ProbeReport,
    Recording,
    VipReport,
    report,
    report_vip,
)
from workers.lab.core.timeline import Answer, Round

INTERVAL = 0.005
VIP = "198.18.0.101"
MACS = {"mta1": "m1", "mta2": "m2"}
OVERHEAD = Overhead(rounds=2000, skipped=0, late_p99=0.0, late_max=0.0, cpu_percent=0.0)
Spans = list[tuple[float, float, str]]


def seen(wire: Spans, echo: Spans) -> VipReport:
    """Ten seconds of a VIP: who answers on the wire, and whom the client's own cache reaches."""
    rounds, answers = [], []
    for number in range(2000):
        at = number * INTERVAL
        rounds.append(Round(at, frozenset(MACS[n] for start, end, n in wire if start <= at < end)))
        answers += [Answer(at, node) for start, end, node in echo if start <= at < end]
    recording = Recording(vip=VIP, answers=answers, echoes=2000, rounds=rounds)
    return report_vip(recording, 0.0, 10.0, INTERVAL, INTERVAL)


def run(vip: VipReport, *done: Done) -> Run:
    """A run on two nodes."""
    probe: ProbeReport = report([vip], 0.0, 10.0, OVERHEAD)
    return Run(
        scenario="heal",
        victim="mta1",
        struck_at=0.5,
        victim_vips=(VIP,),
        victim_mac="m1",
        nodes={mac: node for node, mac in MACS.items()},
        done=done,
        probe=probe,
    )


HEALED = Done(at=4.0, what="heal")


def test_a_client_that_was_with_the_keeper_is_never_wrong() -> None:
    """Given one node for the wire and the client, then there is no wrong time."""
    alone: Spans = [(0.0, 10.0, "mta1")]
    assert figures.client_wrong(run(seen(alone, alone), HEALED)) == 0.0


def test_a_client_is_wrong_while_it_talks_to_who_gives_way() -> None:
    """Given two owners of whom mta2 stays, then a client at mta1 is wrong until it learns so."""
    wire: Spans = [(0.0, 4.4, "mta1"), (4.0, 10.0, "mta2")]
    echo: Spans = [(0.0, 4.4, "mta1"), (6.0, 10.0, "mta2")]
    assert figures.client_wrong(run(seen(wire, echo), HEALED)) == pytest.approx(2.0, abs=0.02)


def test_a_client_that_stays_with_who_keeps_is_not_wrong_during_two_owners() -> None:
    """Given two owners for a while, then the client at the one that stays was right all along."""
    wire: Spans = [(0.0, 10.0, "mta1"), (4.0, 4.4, "mta2")]
    echo: Spans = [(0.0, 10.0, "mta1")]
    found = run(seen(wire, echo), HEALED)
    assert figures.client_wrong(found) == 0.0
    assert figures.kept_outage(found) == 0.0


def test_a_client_that_is_never_right_again_is_wrong_to_the_end() -> None:
    """Given a client that asks a node which has let go, then the rest of the measure counts."""
    wire: Spans = [(0.0, 4.1, "mta1"), (4.0, 10.0, "mta2")]
    echo: Spans = [(0.0, 4.1, "mta1")]
    assert figures.client_wrong(run(seen(wire, echo), HEALED)) == pytest.approx(6.0, abs=0.02)


def test_a_planned_move_later_on_does_not_make_the_client_wrong() -> None:
    """Given a move of 10 ms long after the healing, then it is not a client that was misled."""
    wire: Spans = [(0.0, 9.0, "mta1"), (9.01, 10.0, "mta2")]
    assert figures.client_wrong(run(seen(wire, wire), HEALED)) == 0.0


def test_an_outage_until_the_healing_ends_with_it() -> None:
    """Given a gap that outlasts the healing, then only what lies before it counts."""
    spans: Spans = [(0.0, 1.0, "mta1"), (1.5, 3.0, "mta1"), (7.0, 10.0, "mta2")]
    found = seen(spans, spans)
    assert figures.outage_until_healing(run(found, HEALED)) == pytest.approx(1.0, abs=0.011)
    assert figures.outage_until_healing(run(found)) == pytest.approx(4.0, abs=0.011)


def test_an_address_that_moves_long_after_the_healing_misleads_nobody() -> None:
    """Given a quarter of a second without any owner long after, then that is no wrong client."""
    spans: Spans = [(0.0, 8.0, "mta1"), (8.25, 10.0, "mta2")]
    assert figures.client_wrong(run(seen(spans, spans), HEALED)) == 0.0


def test_an_outage_of_what_is_kept_counts_after_the_healing_only() -> None:
    """Given a gap before and one after the healing, then the later one counts."""
    spans: Spans = [(0.0, 1.0, "mta1"), (2.0, 5.0, "mta1"), (5.1, 10.0, "mta1")]
    found = figures.kept_outage(run(seen(spans, spans), HEALED))
    assert found == pytest.approx(0.1, abs=0.011)


def test_each_move_has_the_gap_until_the_next_move_of_its_vip() -> None:
    """Given a quick and a slow move, then each has its own figure; one that failed is counted."""
    spans: Spans = [(0.0, 2.0, "mta1"), (2.015, 5.0, "mta2"), (5.2, 10.0, "mta1")]
    moves = (
        Done(at=1.99, what="move", vip=VIP, node="mta2"),
        Done(at=4.99, what="move", vip=VIP, node="mta1"),
        Done(at=8.0, what="move", vip=VIP, node="mta2"),
    )
    found = run(seen(spans, spans), *moves)
    assert figures.move_outages(found) == pytest.approx((0.015, 0.2, 0.0), abs=0.011)
    assert figures.unmoved(found) == 1
