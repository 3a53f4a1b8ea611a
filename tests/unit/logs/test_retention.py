"""Which files go: by age, by size, the oldest first."""

from hypothesis import given
from hypothesis import strategies as st

from workers.logs.core.retention import DAY_SECONDS, Stored, expired

FILES = [Stored("old", 10, 0.0), Stored("mid", 20, DAY_SECONDS), Stored("new", 30, 2 * DAY_SECONDS)]


def names(days: int, size: int, live_bytes: int = 0) -> list[str]:
    found = expired(
        reversed(FILES),
        now=2.5 * DAY_SECONDS,
        keep_days=days,
        keep_bytes=size,
        live_bytes=live_bytes,
    )
    return [one.path for one in found]


def test_without_limits_everything_stays() -> None:
    assert names(0, 0) == []


def test_what_is_older_goes() -> None:
    assert names(2, 0) == ["old"]
    assert names(1, 0) == ["old", "mid"]


def test_what_is_too_much_goes_the_oldest_first() -> None:
    assert names(0, 60) == []
    assert names(0, 50) == ["old"]
    assert names(0, 49) == ["old", "mid"]


def test_files_that_are_written_to_count_and_stay() -> None:
    assert names(0, 60, live_bytes=1) == ["old"]
    assert names(0, 60, live_bytes=1_000) == ["old", "mid", "new"]


@given(st.lists(st.tuples(st.integers(1, 99), st.integers(0, 9))), st.integers(1, 300))
def test_what_stays_fits_and_is_never_older_than_what_goes(
    files: list[tuple[int, int]], limit: int
) -> None:
    stored = [Stored(str(place), size, at) for place, (size, at) in enumerate(files)]
    gone = expired(stored, now=10.0, keep_days=0, keep_bytes=limit)
    stays = [one for one in stored if one not in gone]

    assert sum(one.size for one in stays) <= limit
    assert all(old.changed <= new.changed for old in gone for new in stays)
    if gone:
        assert sum(one.size for one in stays) + gone[-1].size > limit
