"""Search over many files: pieces in the order of time, on every processor.

Expressions run in processes that are killed when the time is over or nobody wants more, so one that
never comes to an end costs the asker its answer and nothing else. Memory is bounded: only a few
pieces are in work, and each gives at most `limit` lines.
"""

import os
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import TimeoutError as LateError
from multiprocessing import get_context
from multiprocessing.pool import AsyncResult
from operator import itemgetter

from workers.logs.content import Text
from workers.logs.core.lines import Line, LogFile, line_of, moment_of
from workers.logs.core.patterns import Expression
from workers.logs.files import DAMAGED
from workers.logs.scanning import Hit, Piece, scan, zone_seconds
from workers.maillog.core.moments import Moments

PIECE_BYTES = 8 << 20
PROCESSES_MAX = 8
AHEAD = 3
"""Pieces per process that are in work or wait to be taken."""
JITTER_SECONDS = 60.0
"""Lines stand in their file's order of time but for so much."""

_Held = tuple[float, str, int, bytes, float | None, LogFile]
"""A line that waits for earlier ones of other files: what it is sorted by, and the rest of it."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece, and its first time."""

    file: LogFile
    piece: Piece
    first: float


def search(
    found: Sequence[LogFile],
    expression: Expression,
    since: float | None,
    until: float | None,
    limit: int,
    seconds: float,
) -> Iterator[Line]:
    """See `reading.search`."""
    deadline = time.monotonic() + seconds
    parts = deque(_parts(found, expression, since, until, limit))
    processes = min(os.cpu_count() or 1, PROCESSES_MAX, max(1, len(parts)))
    if parts:
        with get_context("spawn").Pool(processes) as pool:
            work: deque[tuple[_Part, AsyncResult[list[Hit]]]] = deque()
            held: list[_Held] = []
            count = 0
            while parts or work:
                while parts and len(work) < processes * AHEAD:
                    part = parts.popleft()
                    work.append((part, pool.apply_async(scan, (part.piece,))))
                part, result = work.popleft()
                held += _held(part, result, deadline, seconds)
                held.sort()
                ahead = work[0][0].first if work else parts[0].first if parts else float("inf")
                ripe = bisect_right(held, ahead, key=itemgetter(0))
                for _, _, offset, data, moment, file in held[:ripe]:
                    yield line_of(file, offset, data, moment)
                    count += 1
                    if count >= limit:
                        return
                del held[:ripe]


def _held(
    part: _Part, result: "AsyncResult[list[Hit]]", deadline: float, seconds: float
) -> list[_Held]:
    try:
        hits = result.get(max(0.0, deadline - time.monotonic()))
    except LateError:
        raise TimeoutError(
            f"the search was not done after {seconds:g} seconds;"
            " narrow the time, or write an expression with a fixed text in it"
        ) from None
    file = part.file
    return [(moment or 0.0, file.path, offset, data, moment, file) for offset, data, moment in hits]


def _parts(
    found: Sequence[LogFile],
    expression: Expression,
    since: float | None,
    until: float | None,
    limit: int,
) -> list[_Part]:
    """The pieces that may have lines of that time, the earliest first."""
    parts: list[_Part] = []
    for file in found:
        try:
            starts, size = _starts(file.path)
        except DAMAGED:
            continue
        ends = [*(place for place, _ in starts[1:]), size]
        lasts = [*(moment for _, moment in starts[1:]), float("inf")]
        for (start, first), end, last in zip(starts, ends, lasts, strict=True):
            if since is not None and last < since - JITTER_SECONDS:
                continue
            if until is not None and first >= until + JITTER_SECONDS:
                continue
            piece = Piece(file.path, start, end, expression, since, until, limit)
            parts.append(_Part(file, piece, first))
    return sorted(parts, key=lambda one: (one.first, one.piece.path, one.piece.start))


def _starts(path: str) -> tuple[list[tuple[int, float]], int | None]:
    """Where pieces of a file begin and when, in seconds, and its size."""
    moments, starts, moment = Moments(zone_seconds()), [], 0.0
    with Text(path) as text:
        for near in range(0, text.size or 1, PIECE_BYTES):
            start = text.line_start(near)
            moment = moment_of(text.read(start, 40), moments, text.written) or moment
            starts.append((start, moment))
        return starts, text.size
