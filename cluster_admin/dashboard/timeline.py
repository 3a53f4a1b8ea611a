"""Who held a VIP when: bars on one lane per node, from its events. Values in, values out.

A node that dies tells no end. Its bar then ends when another takes the VIP, or at its death if that
was told before; so a gap between bars is time in which nobody is known to have had it. Bars that
overlap are time in which two had it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

BEGINS = ("taken", "adopted")
ENDS = ("released", "lost")
MARKS = ("conflict", "stuck", "foreign", "unsafe", "failed")
STEPS = (
    *(timedelta(seconds=seconds) for seconds in (1, 2, 5, 10, 15, 30)),
    *(
        timedelta(minutes=minutes)
        for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 7200, 10080, 43200)
    ),
)
TICKS = 6
LAST_TICK = 94
"""Per cent of the width; beyond stands "now"."""


@dataclass(frozen=True, slots=True)
class Told:
    """What matters of an event: for `dead`, `node` is who died."""

    time: datetime
    kind: str
    node: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """A node held the VIP; `end` None: it still does."""

    node: str
    start: datetime
    end: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A span as it is drawn, in per cent of the width."""

    span: Span
    left: str
    width: str


@dataclass(frozen=True, slots=True)
class Point:
    """A mark, in per cent of the width."""

    told: Told
    left: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A time written under the lanes."""

    label: str
    left: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """Lanes by node (who came first stands first), marks of trouble, and the times below."""

    lanes: list[tuple[str, list[Bar]]]
    points: list[Point]
    ticks: list[Tick]


def spans(told: Iterable[Told], owner: str = "", since: datetime | None = None) -> list[Span]:
    """Who held it when, the oldest first; `owner` and `since`: as it is now."""
    story = sorted(told, key=lambda one: one.time)
    begins = [one for one in story if one.kind in BEGINS]
    if owner and since and not any(one.node == owner for one in begins):
        begins = sorted([*begins, Told(since, "taken", owner)], key=lambda one: one.time)
    return [
        Span(begin.node, begin.time, _end(begin, begins, story, owner), begin.reason)
        for begin in begins
    ]


def draw(found: Sequence[Span], marks: Iterable[Told], start: datetime, end: datetime) -> Drawing:
    """Between two moments."""
    lanes: dict[str, list[Bar]] = {}
    for span in found:
        last = span.end or end
        if last >= start and span.start <= end:
            left = share(max(span.start, start), start, end)
            right = share(min(last, end), start, end)
            bar = Bar(span, f"{left:.3f}%", f"{right - left:.3f}%")
            lanes.setdefault(span.node, []).append(bar)
    points = [
        Point(one, f"{share(one.time, start, end):.3f}%")
        for one in marks
        if one.kind in MARKS and start <= one.time <= end
    ]
    return Drawing(list(lanes.items()), points, ticks(start, end))


def _end(begin: Told, begins: Sequence[Told], story: Sequence[Told], owner: str) -> datetime | None:
    later = [one for one in begins if one.time > begin.time]
    again = next((one.time for one in later if one.node == begin.node), None)
    for one in story:
        if one.kind in ENDS and one.node == begin.node and one.time > begin.time:
            if again is None or one.time <= again:
                return one.time
            break
    other = next((one.time for one in later if one.node != begin.node), None)
    if other is None and again is None and owner == begin.node:
        return None
    died = next(
        (
            one.time
            for one in story
            if one.kind == "dead" and one.node == begin.node and one.time > begin.time
        ),
        None,
    )
    return min((one for one in (again, other, died) if one), default=None)


def share(moment: datetime, start: datetime, end: datetime) -> float:
    """Where a moment is between two others, in per cent."""
    return 100 * (moment - start) / (end - start)


def ticks(start: datetime, end: datetime) -> list[Tick]:
    """Round times between two moments, a few."""
    length = end - start
    step = next((one for one in STEPS if length / one <= TICKS), length / TICKS)
    zero = datetime(2000, 1, 1, tzinfo=UTC)
    moment = zero + ((start - zero) // step + 1) * step
    form = "%H:%M" if step < timedelta(days=1) else "%d %b"
    form = "%H:%M:%S" if step < timedelta(minutes=1) else form
    found = []
    while (left := share(moment, start, end)) < LAST_TICK:
        found.append(Tick(moment.strftime(form), f"{left:.3f}%"))
        moment += step
    return found
