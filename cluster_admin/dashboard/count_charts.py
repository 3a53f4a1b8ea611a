"""What nodes count over time, as pages draw it: a stepped area, places in per cent.

Values in, values out. A sum that only grows (refusals) is drawn by what came in each step.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from cluster_admin.dashboard.timeline import Tick, ticks

Pair = tuple[float, float]
"""Seconds since 1970, and the value then."""
BARS_MAX = 90


@dataclass(frozen=True, slots=True)
class Bar:
    """A span of time and its greatest value."""

    at: datetime
    value: int
    left: str
    width: str
    top: str
    height: str

    @property
    def words(self) -> str:
        """What it says, for people."""
        return f"{self.at:%H:%M:%S}: {self.value:,}"


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars in the order of time."""

    title: str
    bars: list[Bar]
    ticks: list[Tick]
    most: int
    last: int


def level(title: str, points: Sequence[Pair], since: float, until: float) -> Chart:
    """A sum that goes up and down: the greatest in each bar."""
    found: dict[int, float] = {}
    for at, value in points:
        place = _place(at, since, until)
        found[place] = max(found.get(place, 0), value)
    last = int(points[-1][1]) if points else 0
    return _drawn(title, found, since, until, last)


def growth(title: str, series: Iterable[Sequence[Pair]], since: float, until: float) -> Chart:
    """Sums that only grow, but begin anew with their node: what came in each bar."""
    found: dict[int, float] = {}
    for points in series:
        for (_, before), (at, value) in pairwise(points):
            if value > before:
                place = _place(at, since, until)
                found[place] = found.get(place, 0) + value - before
    return _drawn(title, found, since, until, int(sum(found.values())))


def _place(at: float, since: float, until: float) -> int:
    share = (at - since) / max(1.0, until - since)
    return min(BARS_MAX - 1, max(0, int(share * BARS_MAX)))


def _drawn(title: str, found: dict[int, float], since: float, until: float, last: int) -> Chart:
    most = max(found.values(), default=0)
    step = (until - since) / BARS_MAX
    bars = []
    for place, value in sorted(found.items()):
        if value:
            height = 100 * value / most
            bars.append(
                Bar(
                    datetime.fromtimestamp(since + place * step, UTC),
                    int(value),
                    f"{100 * place / BARS_MAX:.3f}%",
                    f"{100 / BARS_MAX:.3f}%",
                    f"{100 - height:.3f}%",
                    f"{height:.3f}%",
                )
            )
    start, end = (datetime.fromtimestamp(one, UTC) for one in (since, until))
    return Chart(title, bars, ticks(start, end), int(most), last)
