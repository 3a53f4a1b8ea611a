"""Lines of logs, histograms and ways of messages, as pages show them. Values in, values out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cluster_admin.dashboard.badges import Badge
from cluster_admin.dashboard.timeline import Tick, share, ticks
from workers.logs.core.questions import Found
from workers.logs.core.tokens import queue_in
from workers.maillog.core import exim, postfix
from workers.maillog.core.happenings import Kind

TEXT_SHOWN = 2_000
"""Characters of a line."""
QUIET = ("muted", "dot")
BADGES = {
    Kind.ACCEPTED: ("info", "in"),
    Kind.SUBMITTED: ("info", "in"),
    Kind.DELIVERED: ("good", "check"),
    Kind.DEFERRED: ("warn", "half"),
    Kind.UNREACHED: ("warn", "half"),
    Kind.LOST: ("warn", "half"),
    Kind.BOUNCED: ("bad", "cross"),
    Kind.EXPIRED: ("bad", "cross"),
    Kind.REJECTED: ("bad", "slash"),
    Kind.NOTIFIED: ("muted", "out"),
    Kind.REMOVED: ("muted", "out"),
}
"""(tone, shape) of what happens to mail."""
DOT_PIXELS = 11
LEAST = timedelta(seconds=1)
"""That a time line is long."""


@dataclass(frozen=True, slots=True)
class LineRow:
    """A line, ready to be shown."""

    moment: datetime | None
    node: str
    subcluster: str
    source: str
    text: str
    badge: Badge | None
    """What it says happened to a mail, if it says that."""
    queue: str
    """The queue id that it is about; empty: about none."""
    after: str = ""
    """Seconds since the first line of a trace."""
    moved: bool = False
    """Whether it is of another node than the line before."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A span of a histogram, in per cent of width and height."""

    count: int
    since: datetime
    until: datetime
    left: str
    width: str
    top: str
    height: str

    @property
    def ends(self) -> tuple[str, str]:
        """When it begins and ends, as a URL says it."""
        return _written(self.since), _written(self.until)


@dataclass(frozen=True, slots=True)
class Chart:
    """A histogram: its bars, the most of one, all of them together, and times below."""

    bars: list[Bar]
    most: int
    total: int
    ticks: list[Tick]


@dataclass(frozen=True, slots=True)
class Dot:
    """A line of a trace on a lane."""

    row: LineRow
    left: str
    shift: int
    """Pixels to the right, so that lines of the same instant stand beside one another."""


@dataclass(frozen=True, slots=True)
class Lane:
    """A node's part of a trace: from its first line to its last."""

    node: str
    dots: list[Dot]
    left: str
    width: str


@dataclass(frozen=True, slots=True)
class Way:
    """A message's way: lanes in the order in which it came to nodes."""

    lanes: list[Lane]
    ticks: list[Tick]
    length: timedelta


def row_of(found: Found) -> LineRow:
    """A line as a row."""
    told = postfix.happening(found.text) or exim.happening(found.text)
    tone, shape = BADGES.get(told.kind, QUIET) if told else QUIET
    text = found.text
    cut = found.cut or len(text) > TEXT_SHOWN
    return LineRow(
        moment=_time(found.moment),
        node=found.node,
        subcluster=found.subcluster,
        source=found.source,
        text=_printable(text[:TEXT_SHOWN]) + (" …" if cut else ""),
        badge=Badge(told.kind.value, tone, shape, "") if told else None,
        queue=_queue(text),
    )


def later(found: Sequence[Found], since: float) -> str:
    """From when on there are more lines, as a URL says it; empty: nobody can tell."""
    last = found[-1].moment if found else None
    return "" if last is None or last <= since else _written(_moment(last))


def traced(found: Sequence[Found]) -> list[LineRow]:
    """The rows of a trace: with the time since the first, and where the node changes."""
    rows = [row_of(one) for one in found]
    first = next((one.moment for one in rows if one.moment), None)
    told, node = [], ""
    for row in rows:
        after = f"+{(row.moment - first).total_seconds():.3f} s" if row.moment and first else ""
        moved = bool(node) and row.node != node
        node = row.node
        told.append(
            LineRow(
                *(row.moment, row.node, row.subcluster, row.source, row.text),
                *(row.badge, row.queue, after.replace(".000", ""), moved),
            )
        )
    return told


def way_of(rows: Sequence[LineRow]) -> Way | None:
    """The drawing of a trace; None when no line says a time."""
    timed = [(row.moment, row) for row in rows if row.moment]
    if not timed:
        return None
    moments = [moment for moment, _ in timed]
    start, length = min(moments), max(max(moments) - min(moments), LEAST)
    start, end = start - length / 50, start + length + length / 50
    lanes: dict[str, list[Dot]] = {}
    for moment, row in timed:
        dots = lanes.setdefault(row.node, [])
        left = f"{share(moment, start, end):.3f}%"
        same = sum(one.left == left for one in dots)
        dots.append(Dot(row, left, same * DOT_PIXELS))
    drawn = []
    for node, dots in lanes.items():
        first, last = (float(one.left.rstrip("%")) for one in (dots[0], dots[-1]))
        drawn.append(Lane(node, dots, dots[0].left, f"{last - first:.3f}%"))
    return Way(drawn, ticks(start, end), max(moments) - min(moments))


def chart_of(counts: Sequence[int], since: float, until: float) -> Chart:
    """The drawing of a histogram between two moments, in seconds since 1970."""
    most, step = max(counts, default=0), (until - since) / max(1, len(counts))
    bars = []
    for number, count in enumerate(counts):
        height = 100 * count / most if most else 0.0
        bars.append(
            Bar(
                count,
                _moment(since + number * step),
                _moment(since + (number + 1) * step),
                f"{100 * number / len(counts):.3f}%",
                f"{100 / len(counts):.3f}%",
                f"{100 - height:.3f}%",
                f"{height:.3f}%",
            )
        )
    return Chart(bars, most, sum(counts), ticks(_moment(since), _moment(until)))


def _queue(text: str) -> str:
    """The queue id as the line has it: letters may be large."""
    name = queue_in(text.encode()).decode()
    at = text.lower().find(name)
    return text[at : at + len(name)] if name and at >= 0 else ""


def _printable(text: str) -> str:
    """The text with what would not show, or would turn the line around, written out."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def _written(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds")


def _time(moment: float | None) -> datetime | None:
    return None if moment is None else _moment(moment)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
