"""Events of a log's parts add up to those of the whole, wherever it is cut into pieces."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tests.properties.test_mail_counted import LOGS
from workers.maillog.core.moments import Moments
from workers.maillog.core.reported import reported_in
from workers.maillog.core.reports import events_of, pieces

NOW = 1_795_953_600.0
"""2026-11-30, a day behind the samples."""


def added(data: bytes) -> Counter[tuple[str, ...]]:
    found: Counter[tuple[str, ...]] = Counter()
    for one in events_of(data, Moments(), NOW).events:
        found[one.series, one.key, str(one.at), one.domain, one.binding] += one.count
    return found


@given(LOGS, st.integers(1, 400))
def test_pieces_are_the_data_and_count_as_the_whole(data: bytes, limit: int) -> None:
    cut = list(pieces(data, limit))
    assert b"".join(cut) == data
    assert all(one.endswith(b"\n") for one in cut[:-1])
    assert sum((added(one) for one in cut), Counter()) == added(data)


@given(LOGS)
def test_every_line_is_counted_once_or_is_timeless(data: bytes) -> None:
    found = events_of(data, Moments(), NOW)
    assert sum(one.count for one in found.events) + found.timeless == len(list(reported_in(data)))
