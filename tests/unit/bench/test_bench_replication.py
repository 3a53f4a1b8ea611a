"""The bench of replication: the rows that were promised, and how overshoot is judged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import replication_keys, replication_ledger, replication_load, replication_overshoot
from bench.replica_child import key_names, mark_key
from bench.replication_overshoot import bound_of, most_within

PROMISED = {
    *("overshoot.over_bound", "false_refusals", "lag.p99_over_max_delay_seconds"),
    *("bus.bytes_per_update", "keys-1m.megabytes_per_node", "keys-1m.snapshot_seconds"),
    *("keys-1m.decision_microseconds", "ledger.drift"),
}


def test_every_row_that_was_promised_is_there() -> None:
    parts = (replication_keys, replication_ledger, replication_load, replication_overshoot)

    assert {name for part in parts for name in part.ROWS} >= PROMISED


def test_bounds_are_those_that_were_promised() -> None:
    load, keys = replication_load, replication_keys
    assert (load.LAG_SECONDS, load.BYTES, load.RATE, load.KEYS) == (0.05, 20.0, 5_000, 100_000)
    assert (keys.MEGABYTES, keys.SNAPSHOT_SECONDS, keys.MICROSECONDS) == (400.0, 10.0, 100.0)
    assert keys.KEYS == 1_000_000


def test_a_limit_may_be_overshot_by_what_the_others_cannot_know_yet() -> None:
    assert bound_of(0.0, 3) == 300
    assert bound_of(100.0, 3) == pytest.approx(3 * (105 + 100))


def test_the_greatest_number_within_a_span_is_found_wherever_it_is() -> None:
    admitted = [[0.0, 30.0, 61.0], [59.0, 60.5], []]

    assert most_within(admitted, 60.0) == 4
    assert most_within(admitted, 1.0) == 2
    assert most_within([[], []], 60.0) == 0


@given(st.lists(st.lists(st.floats(0, 200))), st.floats(0.1, 100))
def test_it_is_what_counting_from_each_event_on_gives(
    admitted: list[list[float]], seconds: float
) -> None:
    every = [at for one in admitted for at in one]
    plain = max((sum(end - seconds <= at <= end for at in every) for end in every), default=0)

    assert most_within(admitted, seconds) == plain


def test_keys_are_the_same_in_every_process_and_half_of_them_are_ipv6() -> None:
    names = key_names(1_000)

    assert names == key_names(1_000)
    assert len(set(names)) == 1_000
    assert sum(":" in name for name in names) == 500
    assert mark_key("mta2") == "198.18.0.2"
