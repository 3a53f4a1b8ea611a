"""A piece of one file, searched for an expression: what a process of `searching` does.

It reads, and knows nothing else; it may be killed at any moment.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from workers.logs.content import Text
from workers.logs.core.lines import LINE_BYTES, moment_of
from workers.logs.core.patterns import Expression, Sieve
from workers.logs.files import DAMAGED
from workers.maillog.core.marks import lines_with
from workers.maillog.core.moments import Moments

LOOK_BACK_LINES = 100
"""So far in front of a line without a time the time is looked for."""
SAMPLE_BYTES = 16 << 10
DENSE_BYTES = 250
"""Where more lines than one in so many bytes may match, looking at each line costs the most."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Where to look, and for what; `end` is None when the file's end is not known."""

    path: str
    start: int
    end: int | None
    expression: Expression
    since: float | None
    until: float | None
    limit: int


Hit = tuple[int, bytes, float | None]
"""A line that was found: where it begins, its bytes, its time in seconds. Cheap to hand over."""


def scan(piece: Piece) -> list[Hit]:
    """The first lines of a piece that match and lie in the time asked for; none of a file gone."""
    hits: list[Hit] = []
    moments = Moments(zone_seconds())
    try:
        with Text(piece.path) as text:
            for offset, data in text.lines(piece.start, piece.end):
                for start, end in matches(data, piece.expression):
                    moment = moment_near(data, start, moments, text.written)
                    if within(moment, piece.since, piece.until):
                        hits.append((offset + start, data[start:end][:LINE_BYTES], moment))
                        if len(hits) >= piece.limit:
                            return hits
    except DAMAGED:
        return hits
    return hits


def matches(data: bytes, expression: Expression) -> Iterator[tuple[int, int]]:
    """Start and end (its newline not counted) of each line that matches."""
    search = expression.compiled().search
    sieve = _best(expression, data[:SAMPLE_BYTES])
    if sieve is None and expression.free:
        at = 0
        while (found := search(data, at)) is not None and found.start() < len(data):
            start, end = _bounds(data, found.start())
            yield start, end
            at = end + 1
        return
    lines = _every(data) if sieve is None else lines_with(sieve.texts, data, sieve.of(data))
    for start, end in lines:
        if search(data[start:end]):
            yield start, end


def _best(expression: Expression, sample: bytes) -> Sieve | None:
    """The sieve that lets the fewest lines through; None when matching at once is cheaper."""
    counts = [
        (sum(map(one.of(sample).count, one.texts)), number)
        for number, one in enumerate(expression.sieves)
    ]
    if not counts:
        return None
    count, number = min(counts)
    if expression.free and count * DENSE_BYTES > len(sample):
        return None
    return expression.sieves[number]


def _every(data: bytes) -> Iterator[tuple[int, int]]:
    at = 0
    while at < len(data):
        end = data.find(b"\n", at)
        end = len(data) if end < 0 else end
        yield at, end
        at = end + 1


def _bounds(data: bytes, place: int) -> tuple[int, int]:
    end = data.find(b"\n", place)
    return data.rfind(b"\n", 0, place) + 1, len(data) if end < 0 else end


def moment_near(data: bytes, start: int, moments: Moments, written: float) -> float | None:
    """When a line was written; of a line without a time, when the one in front of it was."""
    for _ in range(LOOK_BACK_LINES):
        moment = moment_of(data[start : start + 40], moments, written)
        if moment is not None or start == 0:
            return moment
        start = data.rfind(b"\n", 0, start - 1) + 1
    return None


def within(moment: float | None, since: float | None, until: float | None) -> bool:
    """Whether a time is in the range; what has no time is in every one."""
    if moment is None:
        return True
    return (since is None or moment >= since) and (until is None or moment < until)


def zone_seconds() -> int:
    """How far this host is ahead of UTC: logs that do not say their zone are of the same."""
    return time.localtime().tm_gmtoff
