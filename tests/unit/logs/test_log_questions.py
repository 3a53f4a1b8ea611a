"""What people ask about logs becomes a question, or is refused by the name of the value."""

from datetime import UTC, datetime

import pytest

from cluster_admin.logs import reading
from cluster_admin.rest.moments import seconds_of
from cluster_admin.rest.questions import BadQuestion

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "seconds_ago"),
    [
        ("15m", 900),
        ("2h", 7_200),
        ("1w", 604_800),
        ("0s", 0),
        ("2026-11-29T11:59:00", 60),
        ("2026-11-29 12:59:30+01:00", 30),
        ("2026-11-29", 43_200),
    ],
)
def test_times_are_iso_8601_or_how_long_ago(text: str, seconds_ago: float) -> None:
    assert seconds_of(text, NOW) == NOW - seconds_ago


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({"since": "yesterday"}, "since"),
        ({"until": "9999-12-31T23:59:59"}, "until"),
        ({"since": "0001-01-01"}, "since"),
        ({"since": "1h", "until": "2h"}, "since"),
        ({"grep": "(a"}, "grep"),
        ({"grep": "x" * 5_000}, "grep"),
        ({"limit": "0"}, "limit"),
        ({"limit": "10001"}, "limit"),
        ({"limit": "\N{ARABIC-INDIC DIGIT ONE}"}, "limit"),
        ({"node": "x" * 256}, "node"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(query: dict[str, str], name: str) -> None:
    with pytest.raises(BadQuestion) as refused:
        reading.search_of(query, None, NOW)

    assert refused.value.name == name


@pytest.mark.parametrize("key", ["", "  ", "<>", "x" * 1_001])
def test_a_trace_needs_a_key(key: str) -> None:
    with pytest.raises(BadQuestion, match="queue id"):
        reading.trace_of({"key": key}, None, NOW)


def test_a_search_is_of_the_last_day_and_a_trace_of_the_last_week() -> None:
    search, trace = reading.search_of({}, None, NOW), reading.trace_of({"key": "a"}, None, NOW)

    assert round(NOW - search.since, -3) == 86_000
    assert search.until > NOW
    assert round((NOW - trace.since) / 86_400) == 7


def test_names_and_rights_are_part_of_every_question() -> None:
    query = {"node": " n1 ", "source": "mail", "key": "k", "grep": "x"}
    may = frozenset({"west", "east"})

    for question in (
        reading.search_of(query, may, NOW),
        reading.histogram_of(query, may, NOW),
        reading.trace_of(query, may, NOW),
        reading.tail_of(query, may),
    ):
        assert (question.node, question.source, question.subcluster) == ("n1", "mail", "")
        assert question.readable == ("east", "west")
    assert reading.search_of({}, None, NOW).readable is None
    assert reading.search_of({}, frozenset(), NOW).readable == ()


def test_a_tail_goes_on_unless_told() -> None:
    assert reading.tail_of({}, None).follow
    assert not reading.tail_of({"follow": "0"}, None).follow
    with pytest.raises(BadQuestion):
        reading.tail_of({"follow": "yes"}, None)
