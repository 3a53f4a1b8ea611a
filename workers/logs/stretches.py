"""Files cut into stretches for several processes, each with the time at which it begins.

A stretch begins and ends at lines. Invariant: lines stand in their file's order of time, but for
`JITTER_SECONDS`; so the first line of a stretch says which ones need not be read.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from workers.logs.content import Text
from workers.logs.core.lines import LogFile, moment_of
from workers.logs.files import DAMAGED
from workers.logs.scanning import zone_seconds
from workers.maillog.core.moments import Moments

STRETCH_BYTES = 8 << 20
JITTER_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Stretch:
    """Part of a file; `end` is None when the end is not known."""

    file: LogFile
    start: int
    end: int | None
    first: float
    """When its first line was written, in seconds; 0: no line in front of there says."""


def stretches(found: Sequence[LogFile], since: float | None, until: float | None) -> list[Stretch]:
    """Those that may have lines of that time, the earliest first; none of a file that is gone."""
    cut: list[Stretch] = []
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
            cut.append(Stretch(file, start, end, first))
    return sorted(cut, key=lambda one: (one.first, one.file.path, one.start))


def _starts(path: str) -> tuple[list[tuple[int, float]], int | None]:
    """Where stretches of a file begin and when, in seconds, and its size."""
    moments, starts, moment = Moments(zone_seconds()), [], 0.0
    with Text(path) as text:
        for near in range(0, text.size or 1, STRETCH_BYTES):
            start = text.line_start(near)
            moment = moment_of(text.read(start, 40), moments, text.written) or moment
            starts.append((start, moment))
        return starts, text.size
