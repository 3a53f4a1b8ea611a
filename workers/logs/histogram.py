"""How many lines match in each of many spans of time: counted on every processor.

As with a search, expressions run in processes that are killed when the time is over; then what was
counted by then is told, and that it is not all.
"""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import TimeoutError as LateError

from workers.logs.content import Text
from workers.logs.core.lines import LogFile
from workers.logs.core.patterns import Expression
from workers.logs.crew import crew
from workers.logs.files import DAMAGED
from workers.logs.scanning import matches, moment_near, zone_seconds
from workers.logs.stretches import stretches
from workers.maillog.core.moments import Moments


@dataclass(frozen=True, slots=True)
class Spans:
    """`count` spans of equal length from `since` to `until`, in seconds."""

    since: float
    until: float
    count: int

    def of(self, moment: float) -> int:
        """The number of the span in which a moment is; -1: in none."""
        if not self.since <= moment < self.until:
            return -1
        share = (moment - self.since) / (self.until - self.since)
        return min(int(share * self.count), self.count - 1)


@dataclass(frozen=True, slots=True)
class Piece:
    """Where to count, what, and in which spans; `end` is None when the end is not known."""

    path: str
    start: int
    end: int | None
    expression: Expression
    spans: Spans


def histogram(
    found: Sequence[LogFile], expression: Expression, spans: Spans, seconds: float
) -> tuple[list[int], bool]:
    """Lines that match in each span, and whether that is all; lines without any time are left out.

    `seconds`: how long it may take.
    """
    deadline = time.monotonic() + seconds
    cut = stretches(found, spans.since, spans.until)
    pieces = [Piece(one.file.path, one.start, one.end, expression, spans) for one in cut]
    counts = Counter[int]()
    whole = True
    if pieces:
        with crew(len(pieces)) as pool:
            results = pool.imap_unordered(count, pieces)
            for _ in pieces:
                try:
                    counts.update(results.next(max(0.0, deadline - time.monotonic())))
                except LateError:
                    whole = False
                    break
    return [counts[one] for one in range(spans.count)], whole


def count(piece: Piece) -> dict[int, int]:
    """Lines of a piece in each span: what a process does. Nothing of a file that is gone."""
    counts = Counter[int]()
    moments = Moments(zone_seconds())
    try:
        with Text(piece.path) as text:
            for _, data in text.lines(piece.start, piece.end):
                for start, _ in matches(data, piece.expression):
                    moment = moment_near(data, start, moments, text.written)
                    number = -1 if moment is None else piece.spans.of(moment)
                    if number >= 0:
                        counts[number] += 1
    except DAMAGED:
        return dict(counts)
    return dict(counts)
