"""What is in a table, seen in one walk over its keys: how many, their sum, and the greatest.

Values in, values out; who walks decides when to let others go first. Of cells that belong to a
limit (`LIMIT/KEY`) the greatest of each limit are kept, too.
"""

import heapq
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

TOP_MAX = 100
OF_LIMIT_MAX = 20
FINE_SECONDS, FINE_POINTS = 10.0, 360
COARSE_SECONDS, COARSE_POINTS = 300.0, 288

Row = tuple[str, int]


def greatest(rows: Iterable[Row], most: int) -> list[Row]:
    """The greatest first; of equal ones by name."""
    return heapq.nsmallest(most, rows, key=lambda row: (-row[1], row[0]))


@dataclass(slots=True)
class Walk:
    """What was seen so far. `limits`: names of those whose cells may be there."""

    limits: frozenset[str] = frozenset()
    top_max: int = TOP_MAX
    keys: int = 0
    total: int = 0
    top: list[Row] = field(default_factory=list)
    of_limit: dict[str, list[Row]] = field(default_factory=dict)

    def take(self, rows: list[Row]) -> None:
        """Look at some more rows."""
        self.keys += len(rows)
        self.total += sum(value for _key, value in rows)
        self.top = greatest((*self.top, *rows), self.top_max)
        found: dict[str, list[Row]] = {}
        for cell, value in rows if self.limits else ():
            name, slash, key = cell.partition("/")
            if name in self.limits:
                found.setdefault(name, []).append((key if slash else "", value))
        for name, more in found.items():
            self.of_limit[name] = greatest((*self.of_limit.get(name, ()), *more), OF_LIMIT_MAX)


@dataclass(frozen=True, slots=True)
class Point:
    """A sum at a time, in seconds since 1970."""

    at: float
    value: int


class Chart:
    """A sum over time: an hour by ten seconds, a day by five minutes; the oldest go."""

    def __init__(self) -> None:
        self._fine: deque[Point] = deque(maxlen=FINE_POINTS)
        self._coarse: deque[Point] = deque(maxlen=COARSE_POINTS)

    def add(self, at: float, value: int) -> None:
        """Note it, unless that was done a moment ago."""
        for points, apart in ((self._fine, FINE_SECONDS), (self._coarse, COARSE_SECONDS)):
            if not points or not 0 <= at - points[-1].at < apart * 0.95:
                points.append(Point(at, value))

    def since(self, at: float) -> Iterator[Point]:
        """From then on, the earliest first."""
        fine = self._fine and self._fine[0].at <= at
        for point in self._fine if fine or len(self._fine) < FINE_POINTS else self._coarse:
            if point.at >= at:
                yield point
