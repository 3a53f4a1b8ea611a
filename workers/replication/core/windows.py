"""How many there were within a span of time, over all nodes: one `Window` for each key in use.

A span has 60 buckets; bucket b holds what happened from b to b + 1 steps of its owner's time. It
counts until the whole of it is older than the span. Invariant: nothing younger than the span is
missing, nothing older than 61/60 of it counts; an owner's bucket only grows, so the greatest value
heard is the newest. Keys that nobody asks for are 10 bytes a bucket: see `WindowGrid`.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workers.replication.core.window_grid import WindowGrid

BUCKETS = 60
LIVE = BUCKETS + 1
"""A bucket is gone as many steps after it began."""

COUNT_MAX = (1 << 32) - 1
"""Of one bucket of one owner; more is not counted."""

MASK = (1 << 32) - 1
CELL = struct.Struct("<HII")
"""Owner's index, the low bits of the bucket, count."""
NAME = struct.Struct("<HI")
CELL_BYTES, NAME_BYTES = CELL.size, NAME.size
PRUNE_BYTES = 40 * CELL_BYTES
FOREVER = float("inf")

_NO_PAST: list[int] = []
_NO_OTHERS: dict[int, list[int]] = {}
"""Shared by windows that have nothing there, and never changed: most have nothing."""


class Window:
    """What one key counts. Ask `now >= rolls_at` first, and `roll` if so: then `total` is right.

    `total`: of all nodes; `own`: of this node. `bucket`, `count`: the one that is being filled.
    """

    __slots__ = (
        *(
            "bucket",
            "count",
            "dirty",
            "grid",
            "inverse",
            "is_cold",
            "journal",
            "key",
            "others",
            "own",
        ),
        *("past", "record", "rolls_at", "total"),
    )

    def __init__(self, grid: WindowGrid, key: bytes) -> None:
        self.grid = grid
        self.key = key
        self.inverse = grid.inverse
        self.total = self.own = 0
        self.rolls_at = FOREVER
        self.bucket = -1
        self.count = 0
        self.past = _NO_PAST
        """Earlier buckets of this life and their counts, in turn, the oldest first."""
        self.others = _NO_OTHERS
        """The same for each other owner, by its index."""
        self.dirty = self.is_cold = False
        self.journal: object = None
        self.record = 0
        """The number of this window in the journal, which is another one when `journal` is."""

    def add(self, n: int, now: float) -> None:
        """Count `n` more; nothing where it is not positive."""
        bucket = int(now * self.inverse)
        if bucket != self.bucket:
            if self.is_cold:
                self.grid.hot_again(self).add(n, now)
                return
            self._turn(bucket)
        if n <= 0:
            return
        self.count += n
        self.own += n
        self.total += n
        grid = self.grid
        grid.changes += 1
        if not self.dirty:
            self.dirty = True
            grid.mark(self.key, self.bucket, now)
        if grid.journal is not None:
            grid.journal.charge(self, grid.table.name, grid.span, self.bucket, self.count)

    def roll(self, now: float) -> None:
        """Leave out what is too old by now."""
        self.rolls_at = FOREVER
        inverse = self.inverse
        first = int(now * inverse) - BUCKETS
        past = self.past
        if past:
            gone = 0
            while gone < len(past) and past[gone] < first:
                gone += 2
            del past[:gone]
        if self.count and self.bucket < first:
            self.count = 0
        total = self.count + sum(past[1::2])
        oldest = past[0] if past else self.bucket
        if total:
            self.rolls_at = (oldest + LIVE) / inverse
        self.own = total
        if self.others:
            total += self._roll_others(now)
        self.total = total

    def merge(self, index: int, bucket: int, count: int) -> None:
        """Take in that a bucket of another owner holds `count`, at least."""
        cells = self.others.get(index)
        if cells is None:
            cells = []
            self._other(index, cells)
        place = len(cells)
        while place and cells[place - 2] > bucket:
            place -= 2
        if place and cells[place - 2] == bucket:
            more = count - cells[place - 1]
            if more <= 0:
                return
            cells[place - 1] = count
        else:
            more = count
            cells[place:place] = (bucket, count)
        self.total += more
        owner = self.grid.owners.every[index]
        if owner.is_mine:
            self.own += more
        self.rolls_at = min(self.rolls_at, (bucket + LIVE) / self.inverse + owner.offset)

    def frozen(self) -> bytes:
        """Return every bucket as `CELL` after `CELL`."""
        if not self.past and not self.others:
            count = min(self.count, COUNT_MAX)
            return CELL.pack(0, self.bucket & MASK, count) if count else b""
        cells = [(0, self.past[at], self.past[at + 1]) for at in range(0, len(self.past), 2)]
        if self.count:
            cells.append((0, self.bucket, self.count))
        for index, flat in self.others.items():
            cells += [(index, flat[at], flat[at + 1]) for at in range(0, len(flat), 2)]
        return b"".join(CELL.pack(i, b & MASK, min(c, COUNT_MAX)) for i, b, c in cells)

    def cool(self) -> bytes:
        """Count no more: whoever still has this object is sent on. Return every bucket."""
        cells = self.frozen()
        self.is_cold = True
        self.bucket = -1
        return cells

    def thaw(self, cells: bytes, near: int) -> None:
        """Become what `frozen` told; every bucket is nearest to `near`. `roll` has to follow."""
        self.rolls_at = 0.0
        if len(cells) == CELL_BYTES and not cells[0] and not cells[1]:
            _index, low, self.count = CELL.unpack(cells)
            self.bucket = unwrapped(low, near)
            return
        found = sorted((i, unwrapped(b, near), c) for i, b, c in CELL.iter_unpack(cells))
        flats: dict[int, list[int]] = {}
        for index, bucket, count in found:
            flats.setdefault(index, []).extend((bucket, count))
        self.past = flats.pop(0, _NO_PAST)
        self.others = flats or _NO_OTHERS
        if self.past:
            self.count = self.past.pop()
            self.bucket = self.past.pop()

    def own_cells(self, since: int) -> list[tuple[int, int]]:
        """Every (bucket, count) of this life from bucket `since` on."""
        past = self.past
        found = [(past[at], past[at + 1]) for at in range(0, len(past), 2) if past[at] >= since]
        if self.count and self.bucket >= since:
            found.append((self.bucket, self.count))
        return found

    def _other(self, index: int, cells: list[int]) -> None:
        if self.others is _NO_OTHERS:
            self.others = {}
        self.others[index] = cells

    def _turn(self, bucket: int) -> None:
        """Begin to fill another bucket; a clock that goes back stays in the last one."""
        if bucket < self.bucket:
            return
        if self.count:
            if self.past is _NO_PAST:
                self.past = []
            self.past += (self.bucket, self.count)
            self.count = 0
        self.bucket = bucket
        self.rolls_at = min(self.rolls_at, (bucket + LIVE) / self.inverse)

    def _roll_others(self, now: float) -> int:
        total = 0
        every = self.grid.owners.every
        for index, cells in list(self.others.items()):
            owner = every[index]
            first = int((now - owner.offset) * self.inverse) - BUCKETS
            gone = 0
            while gone < len(cells) and cells[gone] < first:
                gone += 2
            if gone:
                del cells[:gone]
            if not cells:
                del self.others[index]
                continue
            part = sum(cells[1::2])
            total += part
            if owner.is_mine:
                self.own += part
            leaves = (cells[0] + LIVE) / self.inverse + owner.offset
            self.rolls_at = min(self.rolls_at, leaves)
        return total


def unwrapped(low: int, near: int) -> int:
    """Return the number with these low 32 bits that is nearest to `near`."""
    return near + ((low - near + (1 << 31)) & MASK) - (1 << 31)


def merged(cells: bytes, index: int, bucket: int, count: int) -> bytes:
    """Return frozen cells with a bucket of an owner at `count`, at least. `bucket`: low bits."""
    name = NAME.pack(index, bucket)
    at = cells.find(name)
    while at >= 0 and at % CELL_BYTES:
        at = cells.find(name, at + 1)
    if at < 0:
        return cells + CELL.pack(index, bucket, count)
    end = at + CELL_BYTES
    if int.from_bytes(cells[at + NAME_BYTES : end], "little") >= count:
        return cells
    return cells[:at] + CELL.pack(index, bucket, count) + cells[end:]
