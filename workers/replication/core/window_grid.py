"""Every key of one table within one span: hot ones as `Window`, the others frozen.

A key that somebody asks for is thawed and stays hot until many others were asked for. Keys go when
nothing of them is young enough to count, or when there are too many, the least recently used first.
What changed since the last batch is in `dirty`.
"""

from workers.replication.core.columns import (
    SECTION_BYTES,
    Section,
    cells_bytes,
    columns,
    read_columns,
)
from workers.replication.core.definitions import Table
from workers.replication.core.hot import Hot
from workers.replication.core.journal import Journal
from workers.replication.core.keys import unpacked
from workers.replication.core.owners import Owner, Owners
from workers.replication.core.room import Room
from workers.replication.core.shelf import Shelf
from workers.replication.core.windows import (
    BUCKETS,
    CELL,
    COUNT_MAX,
    LIVE,
    MASK,
    NAME_BYTES,
    PRUNE_BYTES,
    Window,
    merged,
    unwrapped,
)

SLACK_SECONDS = 10.0
"""How much later than ours a bucket of another owner may go, at most: what messages need."""

Row = tuple[str, int]


class WindowGrid:
    """The keys of `table` counted within `span` seconds."""

    def __init__(self, table: Table, span: float, owners: Owners, now: float) -> None:
        self.table, self.span, self.owners = table, span, owners
        self.inverse = BUCKETS / span
        self.by_address = table.type.is_address
        self.shelf: Shelf[bytes | Window] = Shelf(table.max_size, self._stays)
        self.hot = Hot(self.shelf, self.by_address, self._made)
        self._named = self.hot.named
        self.dirty: dict[bytes, int] = {}
        """Key -> the first bucket of it that changed since the last batch."""
        self._leaving: list[tuple[bytes, int]] = []
        """What did not fit the last batch, and goes with the next."""
        self.is_lost = False
        """Whether more changed than a batch can tell: then peers take a snapshot."""
        self.changes = 0
        self.first_change: float | None = None
        self.journal: Journal | None = None
        self.number = 0
        """What the journal calls this grid."""
        self.near = int(now * self.inverse)
        self._turned = (0, now)

    def window(self, key: str) -> Window:
        """Return what counts `key`; ask anew for each decision."""
        return self._named.get(key) or self.hot.find(key)

    def hot_again(self, cold: Window) -> Window:
        """Return what counts the key of a window that is cold by now."""
        return self.hot.again(cold.key)

    @property
    def is_waiting(self) -> bool:
        """Whether something waits for the next batch."""
        return bool(self.dirty or self._leaving or self.is_lost)

    def mark(self, key: bytes, bucket: int, now: float) -> None:
        """Take in that `bucket` of `key` has changed, and waits for the next batch."""
        self.dirty.setdefault(key, bucket)
        self.near = bucket
        if len(self.dirty) > self.shelf.most:
            self.dirty.clear()
            self.is_lost = True
        if self.first_change is None:
            self.first_change = now

    def flush(self, room: Room, now: float) -> Section | None:
        """Return what changed, as much as there is room for; None where that is nothing."""
        if not self.is_waiting or not room.take(SECTION_BYTES):
            return None
        found: list[tuple[bytes, list[tuple[int, int]]]] = []
        first = int(now * self.inverse) - BUCKETS
        if not self._leaving:
            self._leaving = list(self.dirty.items())
            self.dirty.clear()
            self.changes, self.first_change = 0, None
        leaving = self._leaving
        while leaving:
            key, since = leaving[-1]
            cells = self._own_cells(key, max(since, first))
            if not room.take(cells_bytes(key, len(cells))):
                self.first_change = now - self.table.max_delay
                break
            leaving.pop()
            if cells:
                found.append((key, cells))
        return columns(self.table.name, self.span, found, max(0, first)) if found else None

    def walk(
        self, keys: list[bytes], owner: Owner, room: Room, now: float
    ) -> tuple[Section | None, int]:
        """Return what `owner` has of `keys`, and how many of them there was room for."""
        first = int((now - owner.offset) * self.inverse) - BUCKETS
        found: list[tuple[bytes, list[tuple[int, int]]]] = []
        at, until = 0, len(keys) if room.take(SECTION_BYTES) else 0
        while at < until:
            key = keys[at]
            cells = self._cells_of(key, owner.index, first)
            if cells:
                if not room.take(cells_bytes(key, len(cells))):
                    break
                found.append((key, cells))
            at += 1
        if not found:
            return None, at
        return columns(self.table.name, self.span, found, max(0, first)), at

    def take(self, section: Section, owner: Owner, now: float) -> bool:
        """Take in what `owner` counted; return whether every key was sound. Raises `ValueError`."""
        first = int((now - owner.offset) * self.inverse) - BUCKETS
        last = first + 2 * LIVE
        index, shelf = owner.index, self.shelf
        self.near = max(self.near, int(now * self.inverse))
        young, pack, strange = shelf.young, CELL.pack, 0
        for key, bucket, count in read_columns(section, self.by_address):
            if bucket < first:
                continue
            if bucket > last or count > COUNT_MAX:
                strange += 1
                continue
            found = young.get(key)
            home = young
            if found is None:
                found = shelf.get(key)
                young = shelf.young
                home = young if key in young else shelf.old
            if found is None:
                shelf.put(key, pack(index, bucket & MASK, count))
                young = shelf.young
            elif isinstance(found, bytes):
                cells = merged(found, index, bucket & MASK, count)
                home[key] = cells if len(cells) < PRUNE_BYTES else self._pruned(cells, now)
            else:
                found.merge(index, bucket, count)
        return not strange

    def restore(self, key: bytes, index: int, bucket: int, count: int, now: float) -> None:
        """Take in one bucket of an owner, unless it is of no time that counts."""
        first = int((now - self.owners.every[index].offset) * self.inverse) - BUCKETS
        if not first <= bucket <= first + 2 * LIVE or count > COUNT_MAX:
            return
        found = self.shelf.get(key)
        if found is None:
            self.shelf.put(key, CELL.pack(index, bucket & MASK, count))
        elif isinstance(found, bytes):
            self.shelf.replace(key, merged(found, index, bucket & MASK, count))
        else:
            found.merge(index, bucket, count)

    def tidy(self, now: float, most: int) -> bool:
        """Let what is too old go, a little at a time; return whether there is more to do."""
        self.near = max(self.near, int(now * self.inverse))
        turns, since = self._turned
        if turns != self.shelf.turns:
            self._turned = (self.shelf.turns, now)
        elif now - since > self.span * LIVE / BUCKETS + SLACK_SECONDS:
            self.shelf.age()
        return self.shelf.tidy(most)

    def value(self, key: bytes, now: float, name: str | None) -> int:
        """Return what `key` counts now, of all owners or of the node of this name."""
        found = self.shelf.peek(key)
        if found is None:
            return 0
        total, every = 0, self.owners.every
        for index, low, count in CELL.iter_unpack(
            found if isinstance(found, bytes) else found.frozen()
        ):
            owner = every[index]
            first = int((now - owner.offset) * self.inverse) - BUCKETS
            if unwrapped(low, first) >= first and (name is None or owner.name == name):
                total += count
        return total

    def cells(self, key: bytes, owner: Owner, now: float) -> list[tuple[int, int]]:
        """Every (bucket, count) of `owner` that counts now."""
        return self._cells_of(key, owner.index, int((now - owner.offset) * self.inverse) - BUCKETS)

    def text(self, key: bytes) -> str:
        """Return the key as people write it."""
        return unpacked(key, self.by_address)

    def resize(self, table: Table) -> None:
        """Go on with other options of the same table."""
        self.table = table
        self.shelf.resize(table.max_size)
        self.hot.resize(table.max_size)

    def _made(self, key: bytes, cells: bytes | None) -> Window:
        window = Window(self, key)
        if cells is not None:
            window.thaw(cells, self.near)
        return window

    def _stays(self, _key: bytes, value: bytes | Window) -> bool:
        return type(value) is not bytes

    def _own_cells(self, key: bytes, since: int) -> list[tuple[int, int]]:
        found = self.shelf.peek(key)
        if isinstance(found, Window):
            found.dirty = False
            return [(b, min(n, COUNT_MAX)) for b, n in found.own_cells(since)]
        return self._cells_of(key, 0, since)

    def _cells_of(self, key: bytes, index: int, first: int) -> list[tuple[int, int]]:
        found = self.shelf.peek(key)
        if found is None:
            return []
        if type(found) is not bytes:
            found = found.frozen()  # type: ignore[union-attr]
        elif len(found) == NAME_BYTES + 4:
            one, low, count = CELL.unpack(found)
            bucket = first + ((low - first) & MASK)
            return [(bucket, count)] if one == index and bucket < first + (1 << 31) else []
        cells = [(unwrapped(low, first), n) for i, low, n in CELL.iter_unpack(found) if i == index]
        return sorted(cell for cell in cells if cell[0] >= first)

    def _pruned(self, cells: bytes, now: float) -> bytes:
        every, kept = self.owners.every, []
        for index, low, count in CELL.iter_unpack(cells):
            first = int((now - every[index].offset) * self.inverse) - BUCKETS
            if unwrapped(low, first) >= first:
                kept.append(CELL.pack(index, low, count))
        return b"".join(kept)
