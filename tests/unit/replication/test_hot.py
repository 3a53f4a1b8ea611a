"""Keys in use: one object each, whatever their spelling, and few at once."""

from workers.replication.core.definitions import Table, TableType
from workers.replication.core.keys import KEY_BYTES, packed, unpacked
from workers.replication.core.owners import Owners
from workers.replication.core.window_grid import WindowGrid

START = 1_700_000_000.0


def _grid(type_: TableType = TableType.SERIES_CONNECT) -> WindowGrid:
    return WindowGrid(Table("table", type_, max_size=100), 60.0, Owners("n1", 1), START)


def test_spellings_of_one_key_are_one_object_while_it_is_hot_and_after() -> None:
    long = "x" * 10_000
    short = unpacked(packed(long, False), False)
    assert len(short) == KEY_BYTES
    cut = "é" * 1_000
    for names in (
        ["2001:db8::1", "2001:DB8::1", "2001:db8:0:0::1"],
        ["192.0.2.1", "::ffff:192.0.2.1"],
        [long, short],
        [cut, cut],
        ["a\ud800b", "a\ud800b"],
    ):
        grid = _grid()
        for number, name in enumerate(names * 30):
            assert grid.window(names[0]) is grid.window(name)
            grid.window(name).add(1, START)
            for other in range(20):
                grid.window(f"{number} {other}").add(1, START)
        window = grid.window(names[0])
        window.roll(START)
        assert window.total == 30 * len(names)


def test_texts_that_look_alike_are_counted_apart() -> None:
    grid = _grid(TableType.THROTTLE_MESSAGES)
    names = ["\ufffd", "\ud800", "\ud801", "\ufffd\ufffd\ufffd", "", "\0", "\xff"]
    for _ in range(3):
        for number, name in enumerate(names):
            grid.window(name).add(number + 1, START)
        for other in range(100):
            grid.window(f"{other}")
    found = []
    for name in names:
        window = grid.window(name)
        window.roll(START)
        found.append(window.total)
    assert found == [3, 6, 9, 12, 15, 18, 21]


def test_only_so_many_are_hot_at_once() -> None:
    grid = _grid()
    for number in range(1_000):
        grid.window(f"{number}").add(1, START)
        assert len(list(grid.hot.every())) <= 2 * grid.hot.most
        hot = sum(not isinstance(value, bytes) for _key, value in grid.shelf.items())
        assert hot == len(list(grid.hot.every()))
