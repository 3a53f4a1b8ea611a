"""Lines of several files, as they come in, put into the order of time.

Logs of two nodes do not arrive at the same instant. So a line is held for a moment, in which an
earlier one may still come; it is never held for longer, whatever its clock says.
"""

from collections.abc import Iterable
from heapq import heappop, heappush

from workers.logs.core.lines import Line, in_order

Key = tuple[float, str, int]


class Merge:
    """Lines go in, and come out in order. Mutable; `now` is any clock's seconds."""

    def __init__(self, hold_seconds: float) -> None:
        self._hold_seconds = hold_seconds
        self._held: list[tuple[Key, Line]] = []
        self._due: list[tuple[float, Key]] = []
        """When lines came in, and the last of them in order of time."""

    def add(self, lines: Iterable[Line], now: float) -> None:
        """These came in just now."""
        last: Key | None = None
        for line in lines:
            key = in_order(line)
            heappush(self._held, (key, line))
            last = key if last is None else max(last, key)
        if last is not None:
            self._due.append((now, last))

    def take(self, now: float) -> list[Line]:
        """Those that were held for long enough, and all that are earlier than one of them."""
        edge: Key | None = None
        while self._due and now - self._due[0][0] >= self._hold_seconds:
            last = self._due.pop(0)[1]
            edge = last if edge is None else max(edge, last)
        taken = []
        while edge is not None and self._held and self._held[0][0] <= edge:
            taken.append(heappop(self._held)[1])
        return taken
