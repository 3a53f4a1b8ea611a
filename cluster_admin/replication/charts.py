"""A sum over time, as long as the listener knows it: bounded, the oldest go.

Time is an argument, in seconds since 1970; a clock that is put back begins anew.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

FINE_SECONDS, FINE_POINTS = 10.0, 360
COARSE_SECONDS, COARSE_POINTS = 300.0, 288


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
