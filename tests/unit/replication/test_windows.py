"""Windows: what counts, for how long, and whose it is."""

import pytest

from workers.replication.core.columns import Section, columns
from workers.replication.core.definitions import Table, TableType
from workers.replication.core.owners import Owners
from workers.replication.core.window_grid import WindowGrid
from workers.replication.core.windows import CELL, merged, unwrapped

TABLE = Table("throttle", TableType.THROTTLE_MESSAGES, max_size=1_000)
START = 1_700_000_000.0


def _grid(span: float = 60.0, table: Table = TABLE) -> WindowGrid:
    return WindowGrid(table, span, Owners("n1", 1), START)


def test_what_is_younger_than_the_span_counts_and_what_is_older_does_not() -> None:
    window = _grid().window("key")
    window.add(3, START)
    window.add(2, START + 30)
    for now, total in ((59.9, 5), (61.0, 2), (89.9, 2), (91.0, 0)):
        if START + now >= window.rolls_at:
            window.roll(START + now)
        assert window.total == window.own == total
    assert window.rolls_at == float("inf")


def test_a_clock_that_goes_back_loses_nothing() -> None:
    window = _grid().window("key")
    window.add(1, START)
    window.add(1, START - 100)
    window.roll(START)
    assert window.total == 2


def test_nothing_and_less_than_nothing_count_nothing() -> None:
    grid = _grid()
    window = grid.window("key")
    window.add(0, START)
    window.add(-5, START)
    assert (window.total, grid.dirty, window.frozen()) == (0, {}, b"")


def test_a_key_that_was_cold_counts_as_before() -> None:
    grid = _grid(table=Table("throttle", TableType.THROTTLE_MESSAGES, max_size=100))
    for second in (0, 5, 5.5):
        grid.window("first").add(1, START + second)
    for number in range(60):
        grid.window(f"other {number}").add(1, START + 6)
    assert isinstance(grid.shelf.peek(b"first"), bytes)
    window = grid.window("first")
    assert window.rolls_at <= START + 10
    window.roll(START + 10)
    assert (window.total, window.own) == (3, 3)
    window.roll(START + 61.5)
    assert window.total == 2


def test_the_greatest_value_of_a_bucket_is_its_newest() -> None:
    grid = _grid()
    owner = grid.owners.get("n2", 1)
    assert owner is not None
    base = int(START)
    for count in (5, 3, 7, 7):
        cells = [(b"hot", [(base, count)]), (b"cold", [(base, count)])]
        assert grid.take(columns("throttle", 60.0, cells, base), owner, START)
        grid.window("hot")
    assert [grid.value(key, START, None) for key in (b"hot", b"cold")] == [7, 7]
    assert [grid.value(b"hot", START, name) for name in ("n1", "n2")] == [0, 7]
    window = grid.window("hot")
    window.roll(START)
    window.add(2, START)
    assert (window.total, window.own) == (9, 2)


def test_buckets_of_an_owner_whose_clock_is_an_hour_off_go_in_time() -> None:
    grid = _grid()
    owner = grid.owners.get("n2", 1)
    assert owner is not None
    owner.hear(START - 3_600, START)
    base = int(START - 3_600)
    grid.take(columns("throttle", 60.0, [(b"key", [(base, 4)])], base), owner, START)
    window = grid.window("key")
    for now, total in ((0.0, 4), (59.9, 4), (61.0, 0)):
        window.roll(START + now)
        assert window.total == total


def test_what_is_no_bucket_of_this_time_is_strange_or_too_old() -> None:
    grid = _grid()
    owner = grid.owners.get("n2", 1)
    assert owner is not None
    base = int(START)
    future = columns("throttle", 60.0, [(b"key", [(base + 10_000, 4)])], base + 10_000)
    assert not grid.take(future, owner, START)
    old = columns("throttle", 60.0, [(b"key", [(base - 61, 4)])], base - 61)
    assert grid.take(old, owner, START)
    assert len(grid.shelf) == 0


@pytest.mark.parametrize(
    "section",
    [
        Section("t", 60.0, 0, [(3, 2)], b"abc", b"", b"\0\0", 1, b"\1\1"),
        Section("t", 60.0, 0, [(3, 1)], b"abc", b"\2", b"\0", 1, b"\1\1"),
        Section("t", 60.0, 0, [(3, 1)], b"abc", b"", b"\0", 3, b"\1\1\1"),
        Section("t", 60.0, 0, [(3, 1)], b"abc", b"", b"\0", 2, b"\1"),
        Section("t", 60.0, 0, [(-3, -1)], b"abc", b"", b"\0", 1, b"\1"),
        Section("t", 60.0, 0, [(0, 1 << 40)], b"", b"", b"\0", 1, b"\1"),
        Section("t", 60.0, 0, [(600, 1)], b"x" * 600, b"", b"\0", 1, b"\1"),
        Section("t", 60.0, 0, [(3, 1)], b"abc", b"\1\1", b"\0", 1, b"\1"),
    ],
)
def test_columns_that_do_not_fit_together_are_refused_whole(section: Section) -> None:
    grid = _grid()
    owner = grid.owners.get("n2", 1)
    assert owner is not None
    with pytest.raises(ValueError, match=r"key|cell"):
        grid.take(section, owner, START)
    assert len(grid.shelf) == 0


def test_more_keys_than_allowed_are_counted_and_the_oldest_gone() -> None:
    grid = _grid()
    for number in range(3_000):
        grid.window(f"key {number}").add(1, START)
    assert len(grid.shelf) <= 1_000
    assert grid.shelf.evicted >= 2_000
    assert grid.value(b"key 2999", START, None) == 1


def test_what_is_too_old_goes_by_and_by() -> None:
    grid = _grid()
    for number in range(900):
        grid.window(f"key {number}").add(1, START)
    for second in range(300):
        grid.window("busy").add(1, START + second)
        grid.tidy(START + second, 50)
    assert len(grid.shelf) <= 2 * grid.hot.most + 1
    assert grid.shelf.evicted == 0


def test_merging_frozen_cells_finds_only_whole_names() -> None:
    cells = CELL.pack(1, 0x02000100, 0x00000001) + CELL.pack(1, 2, 3)
    assert merged(cells, 1, 2, 2) == cells
    assert merged(cells, 1, 2, 9) == cells[:10] + CELL.pack(1, 2, 9)
    assert merged(cells, 1, 3, 9) == cells + CELL.pack(1, 3, 9)


def test_a_bucket_is_known_by_its_low_bits() -> None:
    for bucket in (0, 1, (1 << 32) - 1, 1 << 32, 10**11, 10**11 + 5):
        assert unwrapped(bucket & 0xFFFFFFFF, bucket + 1_000) == bucket
        assert unwrapped(bucket & 0xFFFFFFFF, bucket - 1_000) == bucket


def test_a_window_that_somebody_holds_while_it_cools_still_counts() -> None:
    grid = _grid(table=Table("throttle", TableType.THROTTLE_MESSAGES, max_size=100))
    for text in ("held", "long " * 200):
        held = grid.window(text)
        held.add(1, START)
        for number in range(200):
            grid.window(f"{text} {number}")
        assert held.is_cold
        held.add(2, START)
        held.add(3, START + 5)
        window = grid.window(text)
        window.roll(START + 5)
        assert (window.total, held.is_cold, window.is_cold) == (6, True, False)


def test_a_bucket_of_no_time_that_counts_is_not_restored() -> None:
    grid = _grid()
    for bucket in (0, int(START) - 61, int(START) + 1_000, 1 << 40):
        grid.restore(b"key", 0, bucket, 5, START)
    assert len(grid.shelf) == 0
    grid.restore(b"key", 0, int(START), 5, START)
    assert grid.value(b"key", START, None) == 5
