"""A piece of one file, searched for an expression: what a process of `searching` does.

It reads, and knows nothing else; it may be killed at any moment.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from workers.logs.content import Text
from workers.logs.core.lines import LINE_BYTES, moment_of
from workers.logs.core.patterns import Expression
from workers.logs.files import DAMAGED
from workers.maillog.core.moments import Moments

LOOK_BACK_LINES = 100
"""So far in front of a line without a time the time is looked for."""


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


@dataclass(frozen=True, slots=True)
class Hit:
    """A line that was found: where it begins, its bytes, its time in seconds."""

    offset: int
    data: bytes
    moment: float | None


def scan(piece: Piece) -> list[Hit]:
    """The first lines of a piece that match and lie in the time asked for; none of a file gone."""
    hits: list[Hit] = []
    moments = Moments(zone_seconds())
    try:
        with Text(piece.path) as text:
            for offset, data in text.lines(piece.start, piece.end):
                for start, end in matches(data, piece.expression):
                    moment = _moment(data, start, moments, text.written)
                    if within(moment, piece.since, piece.until):
                        hits.append(Hit(offset + start, data[start:end][:LINE_BYTES], moment))
                        if len(hits) >= piece.limit:
                            return hits
    except DAMAGED:
        return hits
    return hits


def matches(data: bytes, expression: Expression) -> Iterator[tuple[int, int]]:
    """Start and end (its newline not counted) of each line that matches."""
    search = expression.compiled().search
    if not expression.texts and expression.free:
        at = 0
        while (found := search(data, at)) is not None and found.start() < len(data):
            start, end = _bounds(data, found.start())
            yield start, end
            at = end + 1
        return
    for start, end in _candidates(data, expression):
        if search(data[start:end]):
            yield start, end


def _candidates(data: bytes, expression: Expression) -> Iterator[tuple[int, int]]:
    """Lines that have one of the texts, or all of them."""
    folded = data.lower() if expression.folded else data
    at = 0
    if not expression.texts:
        while at < len(data):
            end = data.find(b"\n", at)
            end = len(data) if end < 0 else end
            yield at, end
            at = end + 1
        return
    ahead = dict.fromkeys(expression.texts, -1)
    while True:
        for text, place in list(ahead.items()):
            if place < at:
                place = folded.find(text, at)
                if place < 0:
                    del ahead[text]
                else:
                    ahead[text] = place
        if not ahead:
            return
        start, end = _bounds(data, min(ahead.values()))
        yield start, end
        at = end + 1


def _bounds(data: bytes, place: int) -> tuple[int, int]:
    end = data.find(b"\n", place)
    return data.rfind(b"\n", 0, place) + 1, len(data) if end < 0 else end


def _moment(data: bytes, start: int, moments: Moments, written: float) -> float | None:
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
