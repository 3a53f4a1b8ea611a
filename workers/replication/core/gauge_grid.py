"""Every key of one table of gauges: hot ones as `Gauge`, the others frozen.

A key that has nothing goes; beyond `max_size` the least recently used go, except those of which
this node itself has something open. What changed since the last batch is in `dirty`.
"""

from collections.abc import Iterator

from workers.replication.core.columns import (
    SECTION_BYTES,
    Section,
    cells_bytes,
    columns,
    read_columns,
)
from workers.replication.core.definitions import Table
from workers.replication.core.gauges import CELL, CELL_BYTES, VALUE_MAX, Gauge, merged
from workers.replication.core.hot import Hot
from workers.replication.core.journal import Journal
from workers.replication.core.keys import unpacked
from workers.replication.core.owners import Owner, Owners
from workers.replication.core.room import Room
from workers.replication.core.shelf import Shelf


class GaugeGrid:
    """The keys of `table`."""

    span = 0.0

    def __init__(self, table: Table, owners: Owners) -> None:
        self.table, self.owners = table, owners
        self.by_address = table.type.is_address
        self.floors = owners.floors if table.snapshot else owners.masks
        """For each owner's index the sequence number from which on its cells count."""
        self.shelf: Shelf[bytes | Gauge] = Shelf(table.max_size, self._stays)
        self.hot = Hot(self.shelf, self.by_address, self._made)
        self._named = self.hot.named
        self.dirty: dict[bytes, None] = {}
        self._leaving: list[bytes] = []
        """What did not fit the last batch, and goes with the next."""
        self.is_lost = False
        """Whether more changed than a batch can tell: then peers take a snapshot."""
        self.changes = 0
        self.first_change: float | None = None
        self.journal: Journal | None = None

    def hot_again(self, cold: Gauge) -> Gauge:
        """Return what has the key of a gauge that is cold by now."""
        return self.hot.again(cold.key)

    @property
    def is_waiting(self) -> bool:
        """Whether something waits for the next batch."""
        return bool(self.dirty or self._leaving or self.is_lost)

    def gauge(self, key: str) -> Gauge:
        """Return what `key` has; ask anew for each decision."""
        return self._named.get(key) or self.hot.find(key)

    def mark(self, key: bytes) -> None:
        """Take in that `key` has changed, and waits for the next batch."""
        self.dirty[key] = None
        if len(self.dirty) > self.shelf.most:
            self.dirty.clear()
            self.is_lost = True

    def flush(self, room: Room, now: float) -> Section | None:
        """Return what changed, as much as there is room for; None where that is nothing."""
        if not self.is_waiting or not room.take(SECTION_BYTES):
            return None
        found: list[tuple[bytes, list[tuple[int, int]]]] = []
        if not self._leaving:
            self._leaving = list(self.dirty)
            self.dirty.clear()
            self.changes, self.first_change = 0, None
        leaving = self._leaving
        while leaving:
            key = leaving[-1]
            if not room.take(cells_bytes(key, 1)):
                self.first_change = now - self.table.max_delay
                break
            leaving.pop()
            held = self.shelf.peek(key)
            if isinstance(held, Gauge):
                held.dirty = False
            found.append((key, [(0, self._own_of(held))]))
        return columns(self.table.name, 0.0, found, 0) if found else None

    def walk(self, keys: list[bytes], owner: Owner, room: Room) -> tuple[Section | None, int]:
        """Return what `owner` has of `keys`, and how many of them there was room for."""
        found: list[tuple[bytes, list[tuple[int, int]]]] = []
        at, until = 0, len(keys) if room.take(SECTION_BYTES) else 0
        while at < until:
            value = self.cell(keys[at], owner)
            if value:
                if not room.take(cells_bytes(keys[at], 1)):
                    break
                found.append((keys[at], [(0, value)]))
            at += 1
        return (columns(self.table.name, 0.0, found, 0) if found else None), at

    def take(self, section: Section, owner: Owner, sequence: int) -> bool:
        """Take in what `owner` has; return whether every value was sound. Raises `ValueError`."""
        index, shelf, strange = owner.index, self.shelf, 0
        for key, _bucket, value in read_columns(section, self.by_address):
            if value > VALUE_MAX:
                strange += 1
                continue
            self.restore(key, index, value, sequence)
            held = shelf.peek(key)
            if not value and isinstance(held, bytes):
                self._lighten(key, held)
        return not strange

    def restore(self, key: bytes, index: int, value: int, sequence: int) -> None:
        """Take in one cell of another owner."""
        held = self.shelf.get(key)
        if held is None:
            self.shelf.put(key, CELL.pack(index, value, sequence))
        elif isinstance(held, bytes):
            self.shelf.replace(key, merged(held, index, value, sequence))
        else:
            held.merge(index, value, sequence)

    def own(self, key: bytes, value: int) -> None:
        """Set what this node has, as the disk tells it; peers are told with the next batch."""
        gauge = self.hot.again(key)
        gauge.add(value - gauge.own)

    def recount(self) -> None:
        """Sum up anew what is hot: masks have changed."""
        for gauge in self.hot.every():
            gauge.count()

    def tidy(self, most: int) -> bool:
        """Go on with what goes; return whether there is more to do."""
        return self.shelf.tidy(most)

    def value(self, key: bytes, name: str | None) -> int:
        """Return what `key` has now, of all owners that count or of the node of this name."""
        every, floors = self.owners.every, self.floors
        return sum(
            value
            for index, value, sequence in self._cells(self.shelf.peek(key))
            if (not index or sequence >= floors[index])
            and (name is None or every[index].name == name)
        )

    def cell(self, key: bytes, owner: Owner) -> int:
        """Return what `owner` told last; what a snapshot did not name is nothing."""
        told = self.owners.told(owner) if self.table.snapshot else 0
        for index, value, sequence in self._cells(self.shelf.peek(key)):
            if index == owner.index and (not index or sequence >= told):
                return value
        return 0

    def text(self, key: bytes) -> str:
        """Return the key as people write it."""
        return unpacked(key, self.by_address)

    def resize(self, table: Table) -> None:
        """Go on with other options of the same table."""
        self.table = table
        self.floors = self.owners.floors if table.snapshot else self.owners.masks
        self.shelf.resize(table.max_size)
        self.hot.resize(table.max_size)

    def _made(self, key: bytes, cells: bytes | None) -> Gauge:
        gauge = Gauge(self, key)
        if cells is not None:
            gauge.thaw(cells)
        return gauge

    def _stays(self, _key: bytes, value: bytes | Gauge) -> bool:
        return not isinstance(value, bytes) or self._own_of(value) > 0

    def _lighten(self, key: bytes, held: bytes) -> None:
        """Forget cells that say nothing and that nothing older can come after."""
        every = self.owners.every
        kept = [
            CELL.pack(index, value, sequence)
            for index, value, sequence in CELL.iter_unpack(held)
            if value or sequence > every[index].known
        ]
        if len(kept) * CELL_BYTES == len(held):
            return
        if kept:
            self.shelf.replace(key, b"".join(kept))
        else:
            self.shelf.drop(key)

    def _own_of(self, held: bytes | Gauge | None) -> int:
        if isinstance(held, Gauge):
            return held.own
        return next((value for index, value, _s in self._cells(held) if not index), 0)

    def _cells(self, held: bytes | Gauge | None) -> Iterator[tuple[int, int, int]]:
        if held is None:
            return iter(())
        return CELL.iter_unpack(held if isinstance(held, bytes) else held.frozen())
