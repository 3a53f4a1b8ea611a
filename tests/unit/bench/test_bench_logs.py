"""The bench of logs: its rows and bounds, and how pieces and their lags are counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import logs, logs_faults, logs_fleet, logs_reading
from bench.log_writer import Rotation
from bench.numbered import Verdict, lines
from bench.report import Row

WELL = Verdict(100, 0, 0, 0)
DROPPED = Verdict(100, 0, 0, 0, dropped=40)
ILL = Verdict(100, 3, 2, 1)


def played(ours: Verdict) -> dict[str, Row]:
    """Rows when our side came out of every story so, and the peers lost something."""
    found: logs_faults.Verdicts = {
        story.name: {"rsyslog": ILL, "syslog-ng": ILL, logs_faults.OURS: ours}
        for story in logs_faults.stories(logs_faults.Counts())
    }
    return {row.name: row for row in logs_faults.rows(found)}


def test_every_fault_of_the_promise_is_a_story() -> None:
    counts = logs_faults.Counts()
    names = {story.name for story in logs_faults.stories(counts)}
    assert names == {
        *("kill-broker", "kill-collector", "kill-shipper"),
        *(logs_faults.AWAY, "disk-full", "three-rotations-without-shipper", "strange-lines"),
        *(how.value for how in Rotation),
    }
    assert (counts.kills, counts.long_line) == (20, 100_000_000)


def test_faults_are_bounded_by_none_and_only_ours_count() -> None:
    well, ill = played(WELL), played(ILL)
    stories = len(logs_faults.stories(logs_faults.Counts()))
    for name, each in zip(logs_faults.FAULT_ROWS, (3, 2, 1), strict=True):
        assert (well[name].value, well[name].bound, well[name].holds) == (0, 0, True)
        assert (ill[name].value, ill[name].holds) == (each * stories, False)
    assert well["rename.lost"].peers == {"rsyslog": 3, "syslog-ng": 3}


def test_past_its_limit_a_backlog_is_dropped_and_that_is_told() -> None:
    assert played(DROPPED)[logs_faults.DROPPED_ROW].holds
    assert not played(WELL)[logs_faults.DROPPED_ROW].holds


def test_what_is_cut_off_by_a_truncation_is_reported() -> None:
    assert played(WELL)[logs_faults.WINDOW_ROW].holds is None


def test_the_names_and_bounds_are_the_promised_ones() -> None:
    assert {"throughput.ratio", "cpu_per_gb.ratio"} < set(logs.SPEED_ROWS)
    assert {"throughput-full.ratio", "cpu_per_gb-full.ratio"} < set(logs.FULL_SPEED_ROWS)
    assert (logs.FASTER, logs.CHEAPER) == (8, 0.125)
    assert (logs.LAG_ROW, logs.LAG_SECONDS) == ("lag.p99_seconds", 1.5)
    assert (logs.IDLE_ROWS[0], logs.IDLE_PERCENT) == ("idle.cpu_percent", 1)
    assert logs_fleet.ROWS == ("fleet-50.lost", "fleet-50.lag_p99_seconds")
    assert (logs_fleet.NODES, logs_fleet.LAG_SECONDS) == (50, 5)
    assert (logs_reading.TRACE_ROW, logs_reading.TRACE_SECONDS) == ("trace-10gb.seconds", 2)
    bounds = {name: bound for name, (_, bound) in logs_reading.SEARCHES.items()}
    assert bounds == {"search-1gb.seconds": 5, "search-1gb-prefix.seconds": 3}


@given(st.lists(st.binary(max_size=40)), st.integers(1, 200), st.binary(max_size=9))
def test_pieces_end_with_a_line_and_are_all_of_it(
    texts: list[bytes], size: int, rest: bytes
) -> None:
    written = [text.replace(b"\n", b"") for text in texts]
    data = b"".join(lines(written, 0, len(written))) + rest.replace(b"\n", b"")
    ends = list(logs_fleet.cuts(data, size))
    assert ends == sorted(set(ends))
    assert (ends or [0])[-1] == len(data)
    assert all(data[end - 1 : end] == b"\n" for end in ends[:-1])


def test_a_piece_lags_until_all_of_it_is_heard_of() -> None:
    ends = [(10, 1.0), (20, 1.1), (30, 1.2)]
    heard = [(9, 1.3), (20, 1.5)]
    assert list(logs_fleet.lags(ends, heard, 9.0)) == pytest.approx([0.5, 0.4, 7.8])
    assert list(logs_fleet.lags(ends, [], 2.0)) == pytest.approx([1.0, 0.9, 0.8])
    assert list(logs_fleet.lags([], heard, 2.0)) == []
