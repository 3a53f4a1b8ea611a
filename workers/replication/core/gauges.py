"""How many there are now, over all nodes that are alive: one `Gauge` for each key in use.

A cell is (owner, value, sequence number of the batch that told it); the greatest number is the
newest. Cells of owners that are dead, or that have started anew, are masked, not removed: they
count again when the owner is back. Invariant: `own` is never below 0, and `total` is the sum of
what counts as soon as a mask changes.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workers.replication.core.gauge_grid import GaugeGrid

CELL = struct.Struct("<HIQ")
"""Owner's index, value, sequence number."""
CELL_BYTES = CELL.size
VALUE_MAX = (1 << 32) - 1

_NO_OTHERS: dict[int, tuple[int, int]] = {}
"""Shared by gauges that no other owner told of, and never changed."""


class Gauge:
    """What one key has now. `total`: of all nodes that count; `own`: of this node."""

    __slots__ = ("dirty", "grid", "is_cold", "journal", "key", "others", "own", "record", "total")

    def __init__(self, grid: GaugeGrid, key: bytes) -> None:
        self.grid = grid
        self.key = key
        self.total = self.own = 0
        self.others = _NO_OTHERS
        """Index of another owner -> (sequence number, value)."""
        self.dirty = self.is_cold = False
        self.journal: object = None
        self.record = 0

    def add(self, n: int) -> None:
        """Count `n` more, or less where it is negative: never less than none."""
        if self.is_cold:
            self.grid.hot_again(self).add(n)
            return
        own = min(max(0, self.own + n), VALUE_MAX)
        self.total += own - self.own
        self.own = own
        grid = self.grid
        grid.changes += 1
        if not self.dirty:
            self.dirty = True
            grid.mark(self.key)
        if grid.journal is not None:
            grid.journal.charge(self, grid.table.name, 0.0, 0, own)

    def merge(self, index: int, value: int, sequence: int) -> None:
        """Take in what another owner told, unless something newer is here."""
        known = self.others.get(index, (-1, 0))
        if sequence <= known[0]:
            return
        if self.others is _NO_OTHERS:
            self.others = {}
        self.others[index] = (sequence, value)
        floor = self.grid.floors[index]
        self.total += value * (sequence >= floor) - known[1] * (known[0] >= floor)

    def count(self) -> None:
        """Sum up anew: a mask has changed."""
        floors = self.grid.floors
        told = self.others.items()
        self.total = self.own + sum(v for i, (sequence, v) in told if sequence >= floors[i])

    def frozen(self) -> bytes:
        """Return every cell that is not nothing as `CELL` after `CELL`."""
        cells = [CELL.pack(0, self.own, 0)] if self.own else []
        every = self.grid.owners.every
        for index, (sequence, value) in self.others.items():
            if value or sequence > every[index].known:
                cells.append(CELL.pack(index, value, sequence))
        return b"".join(cells)

    def cool(self) -> bytes:
        """Count no more: whoever still has this object is sent on. Return every cell."""
        self.is_cold = True
        return self.frozen()

    def thaw(self, cells: bytes) -> None:
        """Become what `frozen` told."""
        found = {index: (sequence, value) for index, value, sequence in CELL.iter_unpack(cells)}
        self.own = found.pop(0, (0, 0))[1]
        self.others = found or _NO_OTHERS
        self.count()


def merged(cells: bytes, index: int, value: int, sequence: int) -> bytes:
    """Return frozen cells with what an owner told, unless something newer is there."""
    name = index.to_bytes(2, "little")
    at = cells.find(name)
    while at >= 0 and at % CELL_BYTES:
        at = cells.find(name, at + 1)
    if at < 0:
        return cells + CELL.pack(index, value, sequence)
    if CELL.unpack_from(cells, at)[2] >= sequence:
        return cells
    return cells[:at] + CELL.pack(index, value, sequence) + cells[at + CELL_BYTES :]
