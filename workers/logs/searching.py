"""Search over many files: pieces in the order of time, on every processor.

Expressions run in processes that are killed when the time is over or nobody wants more, so one that
never comes to an end costs the asker its answer and nothing else. Memory is bounded: only a few
pieces are in work, and each gives at most `limit` lines.
"""

import time
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from multiprocessing import TimeoutError as LateError
from multiprocessing.pool import AsyncResult
from operator import itemgetter

from workers.logs.core.lines import Line, LogFile, line_of
from workers.logs.core.patterns import Expression
from workers.logs.crew import crew, size
from workers.logs.scanning import Hit, Piece, scan
from workers.logs.stretches import Stretch, stretches

AHEAD = 3
"""Stretches per process that are in work or wait to be taken."""

_Held = tuple[float, str, int, bytes, float | None, LogFile]
"""A line that waits for earlier ones of other files: what it is sorted by, and the rest of it."""


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
    parts = deque(stretches(found, since, until))
    ready = size(len(parts)) * AHEAD
    if parts:
        with crew(len(parts)) as pool:
            work: deque[tuple[Stretch, AsyncResult[list[Hit]]]] = deque()
            held: list[_Held] = []
            count = 0
            while parts or work:
                while parts and len(work) < ready:
                    part = parts.popleft()
                    place = part.file.path, part.start, part.end
                    piece = Piece(*place, expression, since, until, limit)
                    work.append((part, pool.apply_async(scan, (piece,))))
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
    part: Stretch, result: "AsyncResult[list[Hit]]", deadline: float, seconds: float
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
