"""How many lines match in each of many spans of time: counted on every processor.

As with a search, expressions run in processes that are killed when the time is over; then what was
counted by then is told, and that it is not all.
"""

import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import TimeoutError as LateError
from multiprocessing import get_context

from workers.logs.content import Text
from workers.logs.core.lines import LogFile, moment_of
from workers.logs.core.patterns import Expression
from workers.logs.files import DAMAGED
from workers.logs.scanning import matches, zone_seconds
from workers.maillog.core.moments import Moments

PIECE_BYTES = 8 << 20
PROCESSES_MAX = 8
JITTER_SECONDS = 60.0
"""Lines stand in their file's order of time but for so much."""


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
    counts, pieces = Counter[int](), _pieces(found, expression, spans)
    whole = True
    if pieces:
        processes = min(os.cpu_count() or 1, PROCESSES_MAX, len(pieces))
        with get_context("spawn").Pool(processes) as pool:
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
    moments, number = Moments(zone_seconds()), -1
    try:
        with Text(piece.path) as text:
            for _, data in text.lines(piece.start, piece.end):
                for start, _ in matches(data, piece.expression):
                    moment = moment_of(data[start : start + 40], moments, text.written)
                    if moment is not None:
                        number = piece.spans.of(moment)
                    if number >= 0:
                        counts[number] += 1
    except DAMAGED:
        return dict(counts)
    return dict(counts)


def _pieces(found: Sequence[LogFile], expression: Expression, spans: Spans) -> list[Piece]:
    """The pieces of files that may have lines of the time that is asked for."""
    pieces = []
    for file in found:
        try:
            starts, size = _starts(file.path)
        except DAMAGED:
            continue
        ends = [*(place for place, _ in starts[1:]), size]
        lasts = [*(moment for _, moment in starts[1:]), float("inf")]
        for (start, first), end, last in zip(starts, ends, lasts, strict=True):
            if last >= spans.since - JITTER_SECONDS and first < spans.until + JITTER_SECONDS:
                pieces.append(Piece(file.path, start, end, expression, spans))
    return pieces


def _starts(path: str) -> tuple[list[tuple[int, float]], int | None]:
    """Where pieces of a file begin and when, in seconds, and its size."""
    moments, starts, moment = Moments(zone_seconds()), [], 0.0
    with Text(path) as text:
        for near in range(0, text.size or 1, PIECE_BYTES):
            start = text.line_start(near)
            moment = moment_of(text.read(start, 40), moments, text.written) or moment
            starts.append((start, moment))
        return starts, text.size
