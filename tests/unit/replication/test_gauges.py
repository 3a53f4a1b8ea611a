"""Gauges: what is open now, of nodes that are alive."""

from workers.replication.core.columns import columns
from workers.replication.core.definitions import Table, TableType
from workers.replication.core.gauge_grid import GaugeGrid
from workers.replication.core.owners import Owner, Owners

TABLE = Table("open", TableType.DOMAIN_CONNECTIONS, max_size=100)


def _grid() -> tuple[GaugeGrid, Owners, Owner]:
    owners = Owners("n1", 1)
    other = owners.get("n2", 1)
    assert other is not None
    return GaugeGrid(TABLE, owners), owners, other


def _tell(grid: GaugeGrid, owner: Owner, key: bytes, value: int, upto: int) -> None:
    assert grid.take(columns("open", 0.0, [(key, [(0, value)])], 0), owner, upto)


def test_own_is_never_less_than_nothing() -> None:
    grid, _owners, other = _grid()
    _tell(grid, other, b"key", 5, 1)
    gauge = grid.gauge("key")
    gauge.add(2)
    gauge.add(-7)
    assert (gauge.own, gauge.total) == (0, 5)


def test_the_newest_batch_counts_whenever_it_comes() -> None:
    grid, _owners, other = _grid()
    for value, upto in ((5, 3), (9, 2), (0, 5), (7, 4)):
        _tell(grid, other, b"cold", value, upto)
        _tell(grid, other, b"hot", value, upto)
        grid.gauge("hot")
    assert grid.gauge("hot").total == grid.value(b"cold", None) == 0


def test_gauges_of_the_dead_are_masked_and_come_back() -> None:
    grid, owners, other = _grid()
    _tell(grid, other, b"key", 5, 1)
    grid.gauge("key").add(1)
    for alive, total in (({"n1"}, 1), ({"n2"}, 6), (set(), 1), ({"n1", "n2"}, 6)):
        if owners.alive(alive):
            grid.recount()
        assert grid.gauge("key").total == grid.value(b"key", None) == total


def test_another_life_of_a_node_ends_what_it_had() -> None:
    grid, owners, other = _grid()
    _tell(grid, other, b"key", 5, 1)
    again = owners.get("n2", 2)
    assert again is not None
    assert grid.value(b"key", None) == 5
    assert owners.settle(again)
    grid.recount()
    assert grid.value(b"key", None) == 0
    _tell(grid, again, b"key", 2, 1)
    assert grid.gauge("key").total == 2


def test_a_key_that_has_nothing_goes() -> None:
    grid, _owners, other = _grid()
    _tell(grid, other, b"key", 5, 1)
    other.learn(0, 2)
    _tell(grid, other, b"key", 0, 2)
    assert len(grid.shelf) == 0


def test_what_this_node_has_open_is_never_forgotten() -> None:
    grid, _owners, other = _grid()
    grid.gauge("mine").add(1)
    for number in range(1_000):
        _tell(grid, other, b"%d" % number, 1, 1)
        grid.gauge(f"{number}")
    assert len(grid.shelf) <= 101
    assert grid.shelf.evicted > 800
    assert grid.gauge("mine").own == 1


def test_a_gauge_that_somebody_holds_while_it_cools_still_counts() -> None:
    grid, _owners, _other = _grid()
    held = grid.gauge("held")
    held.add(1)
    for number in range(200):
        grid.gauge(f"other {number}")
    assert held.is_cold
    held.add(2)
    assert grid.gauge("held").own == 3


def test_a_gauge_that_ended_stays_ended_while_a_hole_is_before_that() -> None:
    grid, _owners, other = _grid()
    grid.gauge("key")
    _tell(grid, other, b"key", 0, 5)
    for number in range(200):
        grid.gauge(f"other {number}")
    assert isinstance(grid.shelf.peek(b"key"), bytes)
    _tell(grid, other, b"key", 3, 4)
    assert grid.gauge("key").total == 0
