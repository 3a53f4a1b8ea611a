"""The meter counts what steps, timers and renewals took, and keeps the longest."""

import pytest

from workers.failover.meter import STEP_SECONDS, Meter


def test_the_longest_of_each_kind_is_kept() -> None:
    meter = Meter()
    for seconds in (0.01, 2 * STEP_SECONDS, 0.02):
        meter.step(seconds)
        meter.late(seconds)
    picture = meter.picture()
    assert (picture["steps"], picture["long_steps"]) == (3, 1)
    assert picture["max_step_ms"] == picture["late_ms"] == pytest.approx(100)


def test_renewals_add_up() -> None:
    meter = Meter()
    for _ in range(2):
        with meter.renewing():
            sum(range(10_000))
    assert meter.picture()["renewals"] == 2
    assert 0 < meter.renewal_cpu < 1
