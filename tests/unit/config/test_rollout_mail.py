"""Whether mail fares worse with a revision: what is held against it, and what is chance."""

import pytest

from tests.unit.config.rollout_world import world
from workers.config.core.rollout_mail import (
    BEFORE_SECONDS,
    Attempts,
    Minute,
    complaints,
    least_rate,
    worse,
)
from workers.config.core.rollout_turns import Turn
from workers.config.core.rollout_values import Look, Phase, Resume, Settings, Stage

AT = 100_000.0


def minutes(node: str, first: int, last: int, attempts: Attempts) -> list[Minute]:
    """A minute each, counted from the one in which the node was ordered."""
    start = int(AT // 60) * 60
    return [Minute(start + 60 * number, node, attempts) for number in range(first, last)]


GOOD, BAD = Attempts(50, 1), Attempts(50, 20)


@pytest.mark.parametrize(
    ("before", "after", "limit", "expected"),
    [
        (Attempts(1_000, 20), Attempts(100, 40), 5, True),
        (Attempts(1_000, 20), Attempts(100, 2), 5, False),
        (Attempts(1_000, 400), Attempts(100, 40), 5, False),
        (Attempts(1_000, 20), Attempts(19, 19), 5, False),
        (Attempts(1_000, 20), Attempts(30, 4), 5, False),
        (Attempts(), Attempts(40, 40), 5, True),
        (Attempts(1_000, 0), Attempts(100_000, 4_900), 5, False),
        (Attempts(1_000, 0), Attempts(100_000, 5_300), 5, True),
    ],
)
def test_only_what_is_sure_counts(
    before: Attempts, after: Attempts, limit: float, expected: bool
) -> None:
    assert worse(before, after, limit) is expected


def test_the_bound_is_below_the_rate_and_comes_nearer_with_more_attempts() -> None:
    few, many = least_rate(Attempts(10, 5)), least_rate(Attempts(10_000, 5_000))

    assert 0 < few < many < 0.5
    assert least_rate(Attempts()) == 0
    assert least_rate(Attempts(50, 0)) == 0


def test_a_node_is_compared_with_its_own_past() -> None:
    story = minutes("a", -60, 0, GOOD) + minutes("a", 1, 3, BAD) + minutes("b", -60, 3, BAD)

    told = complaints(story, {"a": AT, "b": AT}, AT + 180, 5)

    assert told == {"a": "mail: 5 % more of its attempts than before are deferred or bounced"}


def test_a_node_without_a_past_is_compared_with_the_others() -> None:
    story = minutes("b", -60, 3, BAD) + minutes("a", 1, 3, BAD)

    assert complaints(story, {"a": AT}, AT + 180, 5) == {}


def test_the_minute_of_the_order_counts_for_neither() -> None:
    story = minutes("a", -60, 0, GOOD) + minutes("a", 0, 1, BAD) + minutes("a", 1, 3, GOOD)

    assert complaints(story, {"a": AT}, AT + 180, 5) == {}


def test_what_was_long_ago_counts_for_neither() -> None:
    old = -BEFORE_SECONDS // 60 - 60
    story = minutes("a", old, old + 60, BAD) + minutes("a", -60, 0, GOOD)
    story += minutes("a", 1, 10, BAD) + minutes("a", 10, 60, GOOD)

    assert complaints(story, {"a": AT}, AT + 3_600, 5) == {}
    sooner = [one for one in story if one.start < AT + 600]
    assert complaints(sooner, {"a": AT}, AT + 600, 5) != {}


def test_nobody_is_passed_while_nothing_can_be_judged() -> None:
    cluster = world("ab", settings=Settings(pause_seconds=3, mail_limit=5))
    cluster.until("a", Stage.APPLIED)
    rollout, seen = cluster.rollout, {n: one.seen(n) for n, one in cluster.nodes.items()}
    now = rollout.seen_at
    for _ in range(5):
        now += 1
        Turn(rollout).look(Look(seen, unjudged="nobody counts"), now)

    assert rollout.phase is Phase.PAUSED
    assert rollout.reason == "nobody counts; put that right and resume, or abort"
    assert cluster.stages() == {"a": "applied", "b": "waiting"}

    cluster.say(Resume())
    assert cluster.run().phase is Phase.DONE
