"""Times of mail logs: what they leave out is found from about when it is."""

from datetime import UTC, datetime

import pytest

from workers.maillog.core.moments import Moments


def at(text: str) -> float:
    """Seconds since 1970 of a time in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "now", "expected"),
    [
        ("Nov 29 00:41:02", "2026-11-29 01:00", "2026-11-29 00:41:02"),
        ("Dec 31 23:59:59", "2027-01-01 00:00:05", "2026-12-31 23:59:59"),
        ("Jan  1 00:00:02", "2026-12-31 23:59:58", "2027-01-01 00:00:02"),
        ("Feb 29 12:00:00", "2027-03-01 00:00", "2024-02-29 12:00:00"),
        ("2026-11-29T00:41:02.500000+01:00", "2030-01-01", "2026-11-28 23:41:02.5"),
        ("2026-11-29T00:41:02Z", "2030-01-01", "2026-11-29 00:41:02"),
        ("2026-11-29 00:41:02", "2030-01-01", "2026-11-29 00:41:02"),
        ("2026-11-29 00:41:02.123 -0330", "2030-01-01", "2026-11-29 04:11:02.123"),
    ],
)
def test_forms(text: str, now: str, expected: str) -> None:
    assert Moments().seconds(text, at(now)) == pytest.approx(at(expected), abs=1e-6)


def test_a_time_without_a_zone_is_the_hosts() -> None:
    vienna = Moments(offset=3_600)

    assert vienna.seconds("Nov 29 00:41:02", at("2026-11-29")) == at("2026-11-28 23:41:02")
    assert vienna.seconds("2026-11-29 00:41:02", at("2026-11-29")) == at("2026-11-28 23:41:02")


@pytest.mark.parametrize("text", ["", "Feb 30 00:00:00", "Xyz 10 00:00:00", "2026-13-01 00:00:00"])
def test_what_is_no_time_is_none(text: str) -> None:
    assert Moments().seconds(text, at("2026-11-29")) is None
