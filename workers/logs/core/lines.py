"""What collected logs consist of for their readers: files, lines, and when a line was written."""

import re
from dataclasses import dataclass

from workers.maillog.core.moments import Moments

_TIME = re.compile(
    rb"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d"
    rb"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?: ?(?:Z|[+-]\d\d:?\d\d))?"
)
LINE_BYTES = 1 << 20
"""The most of a line that is shown."""


@dataclass(frozen=True, slots=True)
class LogFile:
    """A file of a collector: which log of which node is in it."""

    path: str
    subcluster: str
    node: str
    log: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a log. What is no UTF-8 in it shows as U+FFFD."""

    subcluster: str
    node: str
    log: str
    moment: float | None
    """Seconds since 1970; None when it does not begin with a time."""
    text: str
    """Without its end."""
    path: str
    offset: int
    """Where it begins in the file's content, in bytes."""


def time_of(line: bytes) -> str:
    """The time that a line begins with, as it is written there; empty when there is none."""
    found = _TIME.match(line)
    return found[0].decode() if found else ""


def moment_of(line: bytes, moments: Moments, written: float) -> float | None:
    """When a line was written; `written` (seconds) is when its file was, about."""
    text = time_of(line)
    return moments.seconds(text, written) if text else None


def line_of(file: LogFile, offset: int, data: bytes, moment: float | None) -> Line:
    """A line as its reader gets it."""
    text = data[:LINE_BYTES].rstrip(b"\r\n").decode("utf-8", "replace")
    return Line(file.subcluster, file.node, file.log, moment, text, file.path, offset)


def in_order(line: Line) -> tuple[float, str, int]:
    """What lines of several files are sorted by: time, then where they stand."""
    return (line.moment or 0.0, line.path, line.offset)
