"""Gaps, owners and rounds out of given time lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.lab.core.timeline import (
    Answer,
    Gap,
    Round,
    Span,
    answer_spans,
    gaps,
    longest,
    percentile,
    round_of,
    round_spans,
    two_owners,
)

INTERVAL = 0.005


def steady(start: float, end: float) -> list[float]:
    """Answers every interval."""
    return [start + INTERVAL * n for n in range(round((end - start) / INTERVAL) + 1)]


def test_steady_answers_have_no_outage() -> None:
    """Given an answer each interval, then no gap is longer than nothing."""
    assert longest(gaps(steady(0, 1), 0.0, 1.0, INTERVAL)).seconds == pytest.approx(0, abs=1e-9)


def test_an_outage_is_the_gap_less_one_interval() -> None:
    """Given answers that stop for 300 ms, then the outage is that less the interval."""
    found = longest(gaps(steady(0, 0.5) + steady(0.8, 1.2), 0.0, 1.2, INTERVAL))
    assert found.start == pytest.approx(0.5)
    assert found.end == pytest.approx(0.8)
    assert found.seconds == pytest.approx(0.295)


def test_answers_that_never_come_back_are_out_until_the_end() -> None:
    """Given answers that end early, then the rest of the measure is the outage."""
    assert longest(gaps(steady(0, 0.5), 0.0, 2.0, INTERVAL)).seconds == pytest.approx(1.495)


def test_a_vip_that_never_answers_is_out_all_the_time() -> None:
    """Given no answer at all, then the whole measure is the outage."""
    assert longest(gaps([], 10.0, 13.0, INTERVAL)) == Gap(10.0, 13.0, 3.0 - INTERVAL)


def test_answers_outside_the_measure_do_not_count() -> None:
    """Given stragglers after the end, then they neither shorten nor lengthen a gap."""
    assert longest(gaps([0.1, 5.0], 0.0, 1.0, INTERVAL)).end == 1.0


@given(st.lists(st.floats(0, 10), max_size=50))
def test_order_of_arrivals_does_not_matter(arrivals: list[float]) -> None:
    """Given arrivals in any order, then the gaps are the same and cover the measure."""
    found = gaps(arrivals, 0.0, 10.0, INTERVAL)
    assert found == gaps(sorted(arrivals), 0.0, 10.0, INTERVAL)
    assert sum(gap.end - gap.start for gap in found) == pytest.approx(10.0)


def test_two_owners_count_rounds_with_two_macs() -> None:
    """Given 100 rounds of which 20 show both hosts, then they had it for 20 intervals."""
    rounds = [Round(n * INTERVAL, frozenset({"a"})) for n in range(100)]
    rounds[40:60] = [Round(n * INTERVAL, frozenset({"a", "b"})) for n in range(40, 60)]
    assert two_owners(rounds, INTERVAL) == pytest.approx(0.1)


def test_a_hand_over_between_rounds_is_not_two_owners() -> None:
    """Given one host until a round and another from the next on, then nobody shared."""
    rounds = [Round(n * INTERVAL, frozenset({"a" if n < 50 else "b"})) for n in range(100)]
    assert two_owners(rounds, INTERVAL) == 0


@pytest.mark.parametrize(
    ("mark", "newest", "expected"),
    [(3, 19, 19), (2, 19, 18), (4, 19, 4), (15, 16, 15), (0, 16, 16)],
)
def test_a_straggler_belongs_to_the_newest_round_of_its_mark(
    mark: int, newest: int, expected: int
) -> None:
    """Given an answer with a mark, then it is put to the round it answers, not to the newest."""
    assert round_of(mark, newest, 16) == expected


@given(st.integers(16, 10_000), st.integers(0, 15))
def test_any_straggler_within_the_marks_is_put_right(newest: int, late: int) -> None:
    """Given an answer up to 15 rounds late, then its own round is found."""
    asked = newest - late
    assert round_of(asked % 16, newest, 16) == asked


def test_spans_join_what_follows_on_one_another() -> None:
    """Given answers of two nodes, then each time of one node is a span."""
    answers = [Answer(0.3, "two"), Answer(0.1, "one"), Answer(0.2, "one"), Answer(0.4, "one")]
    assert answer_spans(answers) == [
        Span(("one",), 0.1, 0.2),
        Span(("two",), 0.3, 0.3),
        Span(("one",), 0.4, 0.4),
    ]


def test_a_silence_on_the_wire_is_a_span_of_nobody() -> None:
    """Given rounds without an answer, then they are told as such."""
    rounds = [Round(0.0, frozenset("a")), Round(0.1, frozenset()), Round(0.2, frozenset("ab"))]
    assert [span.who for span in round_spans(rounds)] == [("a",), (), ("a", "b")]


def test_percentiles_are_values_that_occurred() -> None:
    """Given a hundred values, then the 99th percentile is the ninety-ninth of them."""
    assert percentile([n / 100 for n in range(100, 0, -1)], 99) == 0.99
    assert percentile([0.5], 99) == 0.5
    assert percentile([], 99) == 0.0
