"""Damping of health checks: how many failures count, and how long a check must be good again."""

import math

import pytest

from workers.failover.core.checks import Check, CheckKind, check_of
from workers.failover.core.definitions import Definitions, Knobs, Vip
from workers.failover.core.health import Health

SMTP = "smtp:25"
KNOBS = Knobs(check_fall=3, flap_limit=4.0)
FAILING, WELL = frozenset({SMTP}), frozenset[str]()


def defined(*checks: str, knobs: Knobs = KNOBS) -> Definitions:
    vips = [Vip(f"198.18.0.{number}", check=check) for number, check in enumerate(checks, 101)]
    return Definitions("demo", "default", 1, knobs, vips={vip.address: vip for vip in vips})


def fail(health: Health, at: float) -> None:
    for step in range(3):
        health.checked(SMTP, False, at + step / 10)


def recover(health: Health, at: float) -> float:
    """Be good from `at` on until it counts; returns when."""
    health.checked(SMTP, True, at)
    due = health.deadline()
    assert health.failing(due - 0.001) == FAILING
    assert health.failing(due) == WELL
    return due


def test_what_was_never_checked_is_well() -> None:
    health = Health(defined(SMTP))

    assert health.failing(0) == WELL
    assert health.deadline() == math.inf


def test_the_third_failure_in_a_row_counts() -> None:
    health = Health(defined(SMTP))

    for at, healthy, failing in [
        (0, False, WELL),
        (1, False, WELL),
        (2, True, WELL),
        (3, False, WELL),
        (4, False, WELL),
        (5, False, FAILING),
    ]:
        health.checked(SMTP, healthy, at)
        assert health.failing(at) == failing


def test_a_failed_check_is_good_after_the_flap_limit_without_a_failure() -> None:
    health = Health(defined(SMTP))
    fail(health, 0)

    health.checked(SMTP, True, 10)
    health.checked(SMTP, False, 13)
    health.checked(SMTP, True, 15)

    assert health.deadline() == 19
    assert health.failing(18.9) == FAILING
    assert health.failing(19) == WELL


def test_each_flap_doubles_the_holding_time_up_to_fifteen_limits() -> None:
    health = Health(defined(SMTP))
    now, holds = 0.0, []
    for _ in range(6):
        fail(health, now)
        began = now + 1
        now = recover(health, began)
        holds.append(now - began)
        now += 1

    assert holds == [4, 8, 16, 32, 60, 60]


def test_after_a_quiet_time_flaps_are_forgotten() -> None:
    health = Health(defined(SMTP))
    for at in (0, 10, 30):
        fail(health, at)
        good_at = recover(health, at + 1)

    fail(health, good_at + 41)

    assert recover(health, good_at + 50) == good_at + 54


def test_without_a_flap_limit_the_first_good_result_counts() -> None:
    health = Health(defined(SMTP, knobs=Knobs(check_fall=1, flap_limit=0)))

    health.checked(SMTP, False, 1)
    assert health.failing(1) == FAILING
    health.checked(SMTP, True, 2)
    assert health.failing(2) == WELL


def test_checks_fail_apart_from_each_other() -> None:
    health = Health(defined(SMTP, "tcp:25", SMTP, ""))

    fail(health, 0)
    health.checked("tcp:25", False, 1)
    health.checked("tcp:99", False, 1)

    assert health.failing(1) == FAILING


def test_checks_that_stay_defined_keep_their_past() -> None:
    health = Health(defined(SMTP, "tcp:25"))
    fail(health, 0)

    health.redefine(defined(SMTP, knobs=Knobs(check_fall=1, flap_limit=1)))
    assert health.failing(1) == FAILING
    health.redefine(defined("tcp:25"))
    assert health.failing(1) == WELL
    health.redefine(defined(SMTP))
    assert health.failing(1) == WELL


@pytest.mark.parametrize(
    ("text", "check"),
    [
        ("tcp:25", Check(CheckKind.TCP, 25)),
        ("smtp:587", Check(CheckKind.SMTP, 587)),
        ("command:/a -x 'b c'", Check(CheckKind.COMMAND, words=("/a", "-x", "b c"))),
    ],
)
def test_a_check_is_read(text: str, check: Check) -> None:
    assert check_of(text) == check


def test_what_is_no_check_is_not_read() -> None:
    with pytest.raises(ValueError, match="'icmp:1' is no health check"):
        check_of("icmp:1")
