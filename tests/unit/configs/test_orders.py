"""Who lags, whose word counts, and what an order says."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cluster_admin.configs.orders import (
    UP,
    Fetches,
    Head,
    Part,
    Stand,
    Target,
    holders,
    is_newer,
    is_up,
    lags,
    order,
)
from workers.config.core.messages import PART_BYTES

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
OLD, NEW = "0" * 40, "1" * 40
HEAD = Head(5, NEW)
UPDATED = Stand("2026-01-02T03:00:00.000Z", 7, NOW, 5, NEW, 5)
BEHIND = replace(UPDATED, number=4, commit=OLD)
EMPTY = Stand("2026-01-02T03:00:00.000Z", 1, NOW, 0, "", 0)


@pytest.mark.parametrize(
    ("stand", "head", "target", "lagging"),
    [
        (UPDATED, HEAD, Target(5), False),
        (BEHIND, HEAD, Target(5), True),
        (EMPTY, HEAD, Target(5), True),
        (EMPTY, Head(), Target(), False),
        (replace(UPDATED, target=4), HEAD, Target(5), True),
        (replace(UPDATED, target=4), HEAD, Target(0), False),
        (replace(UPDATED, target=0), HEAD, Target(3, ordered=True, backwards=True), True),
        (UPDATED, HEAD, Target(9), False),
        (replace(UPDATED, number=6, commit=OLD), HEAD, Target(5), False),
        (replace(UPDATED, commit=OLD), HEAD, Target(5), True),
        (UPDATED, HEAD, Target(5, wish=7), True),
        (replace(UPDATED, wish=7), HEAD, Target(5, wish=7), False),
        (replace(UPDATED, wish=7), HEAD, Target(5), False),
    ],
    ids=[
        "it has all",
        "a revision is missing",
        "it is new",
        "there is nothing to have",
        "its target is another",
        "nothing is to be live",
        "it does not know its target",
        "its target is not here either",
        "it has more than is here",
        "it has another history",
        "it does not know what an operator asked for",
        "it knows that",
        "it knows what is over",
    ],
)
def test_who_lags(stand: Stand, head: Head, target: Target, lagging: bool) -> None:
    assert lags(stand, head, target) is lagging


def test_a_message_counts_once_and_in_order() -> None:
    assert is_newer(UPDATED, None)
    assert is_newer(replace(UPDATED, sequence=8), UPDATED)
    assert not is_newer(UPDATED, UPDATED)
    assert not is_newer(replace(UPDATED, sequence=6), UPDATED)


def test_a_new_run_counts_whatever_its_sequence_but_not_the_run_before_it() -> None:
    later = replace(UPDATED, started_at="2026-01-02T03:30:00.000Z", sequence=1)

    assert is_newer(later, UPDATED)
    assert not is_newer(UPDATED, later)


def test_a_run_counts_after_a_silence_even_if_the_clock_went_back() -> None:
    earlier = replace(UPDATED, started_at="2025-01-02T03:30:00.000Z", sequence=1)

    assert not is_newer(replace(earlier, heard_at=NOW + timedelta(seconds=9)), UPDATED)
    assert is_newer(replace(earlier, heard_at=NOW + timedelta(seconds=10)), UPDATED)


def test_a_node_that_missed_two_of_its_words_is_not_counted_on() -> None:
    assert is_up(UPDATED, NOW + UP - timedelta(seconds=1))
    assert not is_up(UPDATED, NOW + UP)
    assert not is_up(None, NOW)


def test_who_holds_a_revision() -> None:
    stands = {
        "ahead": replace(UPDATED, number=6, commit=OLD),
        "behind": BEHIND,
        "gone": replace(UPDATED, heard_at=NOW - UP),
        "has": UPDATED,
        "other": replace(UPDATED, commit=OLD),
    }

    assert holders(stands, 5, NEW, NOW) == ["ahead", "has"]


def test_an_order_says_all_that_the_node_needs() -> None:
    made = order("east", Part(OLD, HEAD, 2, b"pack", 6), Target(5, True, True, True))

    assert (made.subcluster, made.head, made.commit, made.target) == ("east", 5, NEW, 5)
    assert (made.ordered, made.backwards, made.over_edits) == (True, True, True)
    assert (made.since, made.pack, made.offset, made.size) == (OLD, b"pack", 2, 6)


def test_an_order_never_names_a_target_beyond_its_own_history() -> None:
    made = order("east", Part(OLD, HEAD), Target(6, ordered=True))

    assert (made.target, made.ordered) == (0, False)


def test_an_order_carries_no_more_than_a_part() -> None:
    data = bytes(PART_BYTES + 1)

    assert len(order("east", Part("", HEAD, 0, data, len(data)), Target(5)).pack) == PART_BYTES


def test_a_part_is_sent_when_it_is_wanted_and_again_after_a_while() -> None:
    fetches = Fetches()

    assert fetches.due("mta1", NEW, 0, 0.0)
    assert not fetches.due("mta1", NEW, 0, 0.5)
    assert fetches.due("mta1", NEW, 100, 0.6)
    assert fetches.due("mta1", NEW, 100, 1.6)
    assert fetches.due("mta2", NEW, 100, 1.6)


def test_who_asked_lately_is_being_helped() -> None:
    fetches = Fetches()
    fetches.due("mta1", NEW, 0, 0.0)
    fetches.due("mta2", NEW, 0, 5.0)

    assert fetches.busy(6.0) == {"mta1", "mta2"}
    assert fetches.busy(11.0) == {"mta2"}
    assert not fetches.due("mta2", "", 0, 12.0)
    assert fetches.busy(12.0) == set()
