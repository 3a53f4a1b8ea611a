"""Damping of health checks, whatever the results: never early, never for ever, never too long."""

import math

from hypothesis import given
from hypothesis import strategies as st

from workers.failover.core.definitions import Definitions, Knobs, Vip
from workers.failover.core.health import HOLD_LIMITS, Health

CHECK = "tcp:25"
steps = st.lists(st.tuples(st.floats(0.01, 30), st.booleans()), max_size=60)
falls = st.integers(1, 5)
limits = st.sampled_from([0.0, 0.5, 4.0])


def watched(fall: int, limit: float) -> Health:
    vip = Vip("198.18.0.101", check=CHECK)
    knobs = Knobs(check_fall=fall, flap_limit=limit)
    return Health(Definitions("demo", "default", 1, knobs, vips={vip.address: vip}))


@given(steps, falls, limits)
def test_a_check_fails_only_after_failures_in_a_row_and_recovers_only_in_good_time(
    course: list[tuple[float, bool]], fall: int, limit: float
) -> None:
    health, now, before = watched(fall, limit), 0.0, False
    run, good_since = 0, math.inf
    for wait, healthy in course:
        now += wait
        recovered = before and CHECK not in health.failing(now)
        if recovered:
            assert now - good_since >= limit
        health.checked(CHECK, healthy, now)
        run = 0 if healthy else run + 1
        good_since = min(good_since, now) if healthy else math.inf
        failing = CHECK in health.failing(now)
        if failing and (recovered or not before):
            assert run >= fall
        if not healthy and run >= fall:
            assert failing
        before = failing


@given(steps, falls, limits)
def test_whatever_was_good_services_come_back_within_fifteen_limits(
    course: list[tuple[float, bool]], fall: int, limit: float
) -> None:
    health, now = watched(fall, limit), 0.0
    for wait, healthy in course:
        now += wait
        health.checked(CHECK, healthy, now)

    health.checked(CHECK, True, now + 1)

    assert health.failing(now + 1 + HOLD_LIMITS * limit) == frozenset()


@given(steps, falls, limits)
def test_between_results_nothing_changes_before_the_deadline(
    course: list[tuple[float, bool]], fall: int, limit: float
) -> None:
    health, now = watched(fall, limit), 0.0
    for wait, healthy in course:
        due, failing = health.deadline(), health.failing(now)
        if now < due <= now + wait:
            assert health.failing(math.nextafter(due, -math.inf)) == failing
            assert health.failing(due) != failing
        else:
            assert health.failing(now + wait) == failing
        now += wait
        health.checked(CHECK, healthy, now)
