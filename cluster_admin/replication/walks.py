"""What is in a table, seen in one walk over its keys: how many, their sum, and the greatest.

Values in, values out; who walks decides when to let others go first. Of cells that belong to a
limit (`LIMIT/KEY`) the greatest of each limit are kept, too.
"""

import heapq
from collections.abc import Iterable

TOP_MAX = 100
OF_LIMIT_MAX = 20
LOT = 2_000
"""Rows that are looked through together."""

Row = tuple[str, int]


def greatest(rows: Iterable[Row], most: int) -> list[Row]:
    """The greatest first; of equal ones by name."""
    return heapq.nsmallest(most, rows, key=lambda row: (-row[1], row[0]))


class Top:
    """The greatest of many rows; looked through in lots, so that each row costs little."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._rows: list[Row] = []
        self._last: tuple[int, str] | None = None
        """The order of the last that is kept, once there are enough: what is behind it goes."""

    def add(self, rows: Iterable[Row]) -> None:
        """Look at some more."""
        last = self._last
        if last is None:
            self._rows.extend(rows)
        else:
            self._rows.extend(row for row in rows if (-row[1], row[0]) < last)
        if len(self._rows) > 4 * self._most + LOT:
            self._reduce()

    @property
    def rows(self) -> list[Row]:
        """The greatest first."""
        self._reduce()
        return list(self._rows)

    def _reduce(self) -> None:
        self._rows = greatest(self._rows, self._most)
        if len(self._rows) == self._most:
            key, value = self._rows[-1]
            self._last = -value, key


class Walk:
    """What was seen so far. `limits`: names of those whose cells may be there."""

    def __init__(self, limits: frozenset[str] = frozenset(), top_max: int = TOP_MAX) -> None:
        self.limits = limits
        self.keys = self.total = 0
        self._top = Top(top_max)
        self._of_limit: dict[str, Top] = {}

    @property
    def top(self) -> list[Row]:
        """The greatest first."""
        return self._top.rows

    def of_limit(self, name: str) -> list[Row]:
        """The greatest cells of a limit, by their keys."""
        return self._of_limit[name].rows if name in self._of_limit else []

    def take(self, rows: list[Row]) -> None:
        """Look at some more rows."""
        self.keys += len(rows)
        self.total += sum(value for _key, value in rows)
        self._top.add(rows)
        found: dict[str, list[Row]] = {}
        for cell, value in rows if self.limits else ():
            name, slash, key = cell.partition("/")
            if name in self.limits:
                found.setdefault(name, []).append((key if slash else "", value))
        for name, more in found.items():
            self._of_limit.setdefault(name, Top(OF_LIMIT_MAX)).add(more)
