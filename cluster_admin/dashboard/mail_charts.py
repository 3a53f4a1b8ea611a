"""What happened to mail, as the page draws it: stacked bars over time, and rows by name.

Values in, values out; places are in per cent of width and height.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cluster_admin.dashboard.timeline import Tick, ticks
from cluster_admin.mail import counted
from workers.maillog.core.counted import Outcome
from workers.maillog.core.tally import ORDER, Numbers, added, total
from workers.maillog.reading import Row

BARS_MAX = 100
LENGTHS = (
    *(60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400),
    *(2 * 86_400, 7 * 86_400, 28 * 86_400),
)
"""Seconds of a bar."""
ROWS_MAX = 15
"""Names in a table; the rest is in the API."""
TONES = {
    Outcome.DELIVERED: "good",
    Outcome.DEFERRED: "warn",
    Outcome.BOUNCED: "bad",
    Outcome.CONNECTED: "info",
    Outcome.REJECTED: "bad",
}
GOING = (Outcome.DELIVERED, Outcome.DEFERRED, Outcome.BOUNCED)
COMING = (Outcome.CONNECTED, Outcome.REJECTED)
UNNAMED = "(no name)"


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a bar: one outcome."""

    outcome: str
    tone: str
    count: int
    start: str
    """Of an upright bar its upper end, of one that lies its left."""
    length: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A span of time."""

    since: datetime
    parts: list[Part]
    left: str
    width: str

    @property
    def words(self) -> str:
        """What it says, for people."""
        told = ", ".join(f"{one.count:,} {one.outcome}" for one in self.parts if one.count)
        return f"{self.since:%Y-%m-%d %H:%M}: {told or 'nothing'}"


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars over time; `sums` has what they add up to, in the order in which they are stacked."""

    title: str
    bars: list[Bar]
    ticks: list[Tick]
    most: int
    minutes: int
    """How long a bar is."""
    sums: list[Part]


@dataclass(frozen=True, slots=True)
class Line:
    """A name with its numbers, and a bar that lies."""

    name: str
    numbers: dict[str, int]
    failed_percent: float | None
    parts: list[Part]


def chart(
    title: str, rows: Iterable[Row], shown: Sequence[Outcome], since: float, until: float, step: int
) -> Chart:
    """Outcomes over time, from below in the order of `shown`. `step`: seconds of each row."""
    length = next(
        (n for n in LENGTHS if n >= step and (until - since) / n <= BARS_MAX), LENGTHS[-1]
    )
    first = int(since // length) * length
    count = max(1, int(-(-(until - first) // length)))
    sums: dict[int, Numbers] = {}
    for row in rows:
        place = (int(row.key) - first) // length
        sums[place] = added(sums.get(place), row.numbers)
    heights = {place: sum(_of(shown, numbers)) for place, numbers in sums.items()}
    most = max(heights.values(), default=0)
    bars = [
        Bar(
            datetime.fromtimestamp(first + place * length, UTC),
            _stacked(shown, numbers, most, upright=True),
            f"{100 * place / count:.3f}%",
            f"{90 / count:.3f}%",
        )
        for place, numbers in sorted(sums.items())
        if heights[place] and 0 <= place < count
    ]
    start, end = (datetime.fromtimestamp(one, UTC) for one in (first, first + count * length))
    whole = _stacked(shown, total(sums.values()), 1, upright=True)
    return Chart(title, bars, ticks(start, end), most, length // 60, whole)


def lines(rows: Sequence[Row], shown: Sequence[Outcome]) -> list[Line]:
    """The largest of these outcomes, each with a bar as long as its part of the largest."""
    sized = sorted(
        ((sum(_of(shown, row.numbers)), row) for row in rows),
        key=lambda pair: (-pair[0], str(pair[1].key)),
    )
    most = max((size for size, _row in sized), default=0)
    return [
        Line(
            str(row.key) or UNNAMED,
            {one.value: number for one, number in zip(ORDER, row.numbers, strict=True)},
            counted.failed_percent(row.numbers),
            _stacked(shown, row.numbers, most),
        )
        for size, row in sized[:ROWS_MAX]
        if size
    ]


def _of(shown: Sequence[Outcome], numbers: Numbers) -> list[int]:
    return [numbers[ORDER.index(one)] for one in shown]


def _stacked(
    shown: Sequence[Outcome], numbers: Numbers, most: int, *, upright: bool = False
) -> list[Part]:
    parts, before = [], 0
    for outcome, count in zip(shown, _of(shown, numbers), strict=True):
        before += count
        start = most - before if upright else before - count
        share, length = (100 * one / max(1, most) for one in (start, count))
        parts.append(Part(outcome.value, TONES[outcome], count, f"{share:.3f}%", f"{length:.3f}%"))
    return parts
