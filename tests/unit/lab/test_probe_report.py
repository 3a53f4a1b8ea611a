"""A recording condensed into a report."""

import msgspec
import pytest

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
OVERHEAD = Overhead(rounds=400, skipped=0, late_p99=0.001, late_max=0.002, cpu_percent=5.0)


def moved(away: float, back: float, *, echo: bool = True) -> VipReport:
    """A VIP that `one` answers until `away` and `two` from `back` on, measured for two seconds."""
    instants = [n * INTERVAL for n in range(400)]
    who = ["one" if at < away else "two" if at >= back else "" for at in instants]
    pairs = list(zip(instants, who, strict=True))
    recording = Recording(
        vip="198.18.0.101",
        answers=[Answer(at, node) for at, node in pairs if node] if echo else None,
        echoes=400,
        rounds=[Round(at, frozenset({node} if node else ())) for at, node in pairs],
    )
    return report_vip(recording, 0.0, 2.0, INTERVAL, INTERVAL)


def test_a_move_is_told_as_outage_gap_and_owners() -> None:
    """Given a VIP silent for 600 ms, then outage, gap and both owners say so."""
    found = moved(0.5, 1.1)
    assert found.outage == pytest.approx(0.6, abs=0.011)
    assert [round(gap.start, 2) for gap in found.gaps] == [0.5] or found.gaps[0].start < 0.5
    assert [span.who for span in found.owners] == [("one",), ("two",)]
    assert [span.who for span in found.macs] == [("one",), (), ("two",)]
    assert (found.sent, found.answered, found.two_owners) == (400, 280, 0.0)


def test_without_an_echo_the_wire_is_the_measure() -> None:
    """Given raw answers alone, then the outage is theirs and the report says so."""
    found = moved(0.5, 1.1, echo=False)
    assert found.measured_by == "raw"
    assert found.outage == pytest.approx(0.6, abs=0.011)
    assert found.owners == ()


def test_the_whole_is_the_worst_of_its_vips() -> None:
    """Given two VIPs, then the larger outage counts, and JSON goes there and back."""
    whole = report([moved(0.5, 0.6), moved(0.5, 1.1)], 0.0, 2.0, OVERHEAD)
    assert whole.outage == whole.vips[1].outage
    assert msgspec.json.decode(msgspec.json.encode(whole), type=ProbeReport) == whole


def test_an_unknown_vip_is_a_key_error() -> None:
    """Given a VIP that was not measured, then asking for it fails."""
    whole = report([moved(0.5, 0.6)], 0.0, 2.0, OVERHEAD)
    assert whole.of("198.18.0.101").vip == "198.18.0.101"
    with pytest.raises(KeyError):
        whole.of("198.18.0.102")
