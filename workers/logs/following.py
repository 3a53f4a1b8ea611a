"""The newest lines of a collector's files, and what is written behind them.

Files are named by the time of arrival: those of now and of an hour ago are looked at, and new ones
found within seconds. Invariant: of each file whole lines are told, in its order, from where the
telling began; what is passed over, since more is written than can be read, is said in bytes.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from heapq import nlargest

from workers.logs import reading, scanning
from workers.logs.core import destination
from workers.logs.core.lines import LINE_BYTES, Line, LogFile, in_order, line_of, moment_of
from workers.logs.core.patterns import Expression
from workers.logs.core.questions import Skipped
from workers.maillog.core.moments import Moments

HOUR = 3_600.0
FIND_SECONDS = 2.0
"""Between two looks for new files."""
ENDS_BYTES, END_LEAST, END_MOST = 16 << 20, 16 << 10, 256 << 10
"""Of the ends of all files, and of each, in which the newest lines are looked for."""
READ_BYTES = 1 << 20
"""Of a file at one look."""
BEHIND_BYTES = 8 << 20
"""A file with more than that behind the last look is gone on with near its end."""


@dataclass(slots=True)
class _Place:
    """How far a file was read."""

    file: LogFile
    inode: int
    offset: int
    moment: float | None = None
    """Of the last line with a time."""


class Following:
    """For one thread. `find` gives the files of an instant, in seconds since 1970."""

    def __init__(self, find: Callable[[float], Iterable[LogFile]], expression: Expression) -> None:
        self._find_files = find
        self._expression = expression
        self._moments = Moments(scanning.zone_seconds())
        self._places: dict[str, _Place] = {}
        self._found_at = 0.0

    @property
    def files(self) -> int:
        """How many there are now."""
        return len(self._places)

    def begin(self, count: int, now: float) -> list[Line]:
        """The newest `count` lines, in the order of time; `now` in seconds since 1970."""
        self._find(now)
        share = ENDS_BYTES // max(1, len(self._places))
        near = min(END_MOST, max(END_LEAST, share))
        lines: list[Line] = []
        for place in self._places.values():
            size = _size(place.file.path)
            place.offset = _line_start(place.file.path, size - near)
            lines = nlargest(count, (*lines, *self._lines(place, near)), key=in_order)
        return sorted(lines, key=in_order)

    def look(self, now: float) -> tuple[list[Line], list[Skipped]]:
        """What was written since the last look."""
        if now - self._found_at >= FIND_SECONDS:
            self._find(now)
        lines: list[Line] = []
        skipped: list[Skipped] = []
        for place in self._places.values():
            behind = _size(place.file.path) - place.offset
            if behind < 0:  # a collector that was killed cuts its files back, and writes again
                place.offset += behind
            if behind > BEHIND_BYTES:
                start = _line_start(place.file.path, place.offset + behind - READ_BYTES)
                file = place.file
                skipped.append(Skipped(file.node, file.log, start - place.offset))
                place.offset = start
            lines += self._lines(place, READ_BYTES)
        return lines, skipped

    def _find(self, now: float) -> None:
        """Take up files that are new, leave those that are of the past or gone."""
        first, self._found_at = not self._found_at, now
        known, self._places = self._places, {}
        for file in self._find_files(now):
            try:
                found = os.stat(file.path)
            except FileNotFoundError:
                continue
            place = known.get(file.path)
            if place is None or place.inode != found.st_ino:
                place = _Place(file, found.st_ino, found.st_size if first else 0)
            self._places[file.path] = place

    def _lines(self, place: _Place, most: int) -> Iterator[Line]:
        """The next lines of a file that match; a line that is not whole yet waits for its end."""
        data, written = _read(place.file.path, place.offset, most)
        whole = data.rfind(b"\n") + 1
        if not whole and len(data) >= min(most, LINE_BYTES):
            whole = len(data)
        data, start = data[:whole], place.offset
        place.offset += whole
        for at, end in scanning.matches(data, self._expression):
            line = data[at:end]
            moment = moment_of(line[:40], self._moments, written)
            place.moment = place.moment if moment is None else moment
            yield line_of(place.file, start + at, line, place.moment)


def files_of(
    template: str, now: float, *, node: str = "", subcluster: str = "", log: str = ""
) -> list[LogFile]:
    """Those that lines are put into now, or were an hour ago; compressed ones are of the past.

    As `reading.files`; raises `destination.TemplateError`.
    """
    found: dict[str, LogFile] = {}
    for moment in (now - HOUR, now):
        local = time.localtime(moment)
        dated = "".join(_dated(part, local) for part in destination.parsed(template).parts)
        for file in reading.files(dated, node=node, subcluster=subcluster, log=log):
            if not file.path.endswith(reading.ZSTD):
                found[file.path] = file
    return list(found.values())


def _dated(part: str, local: time.struct_time) -> str:
    """A part of a template with its time in it; names stay to be filled in."""
    if not part.startswith("%") or part.startswith("%{") or part == "%%":
        return part
    return time.strftime(part, local).replace("%", "%%")


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def _read(path: str, offset: int, most: int) -> tuple[bytes, float]:
    """Bytes of a file, none when it is gone or was cut back; and when it was written to."""
    try:
        with open(path, "rb", buffering=0) as file:
            return os.pread(file.fileno(), most, offset), os.fstat(file.fileno()).st_mtime
    except FileNotFoundError:
        return b"", 0.0


def _line_start(path: str, near: int) -> int:
    """Where the first line begins at or behind a place; the place itself in a long line."""
    if near <= 0:
        return 0
    data, _ = _read(path, near - 1, LINE_BYTES)
    return near + data.find(b"\n") if b"\n" in data else near
