"""Trace: the lines of a story, found with the index, and without it where there is none."""

import mmap
import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from workers.logs.content import Text
from workers.logs.core import sidecar
from workers.logs.core.lines import Line, LogFile, in_order, line_of, moment_of
from workers.logs.core.sidecar import HEAD_BYTES, Sidecar
from workers.logs.core.story import Story
from workers.logs.core.tokens import tokens
from workers.logs.files import DAMAGED
from workers.logs.index import place_of
from workers.logs.scanning import within, zone_seconds
from workers.maillog.core.moments import Moments

Range = tuple[int, int | None]


def trace(
    found: Sequence[LogFile],
    key: str,
    index: Path | None,
    since: float | None,
    until: float | None,
    limit: int,
) -> list[Line]:
    """See `reading.trace`."""
    story, sidecars = Story(key), Sidecars(index)
    while wanted := story.wanted():
        lines: list[Line] = []
        for file in found:
            server = (file.subcluster, file.node)
            names = {one.token for one in wanted if one.server in (None, server)}
            if names and len(lines) < limit:
                some = _lines(file, names, sidecars)
                here = (one for one in some if within(one.moment, since, until))
                lines += islice(here, limit - len(lines))
        story.take(lines)
    return sorted(story.lines(), key=in_order)[:limit]


def _lines(file: LogFile, names: set[bytes], sidecars: "Sidecars") -> Iterator[Line]:
    """The lines of one file that have one of the tokens; none of a file that is gone."""
    moments = Moments(zone_seconds())
    try:
        with Text(file.path) as text:
            for start, end in sidecars.ranges(file, text, names):
                for offset, data in text.lines(start, end):
                    for at, line in _with(data, names):
                        moment = moment_of(line, moments, text.written)
                        yield line_of(file, offset + at, line, moment)
    except DAMAGED:
        return


def _with(data: bytes, names: set[bytes]) -> Iterator[tuple[int, bytes]]:
    """Where each line with one of the tokens begins, and the line."""
    folded, places = data.lower(), set()
    for name in names:
        at = folded.find(name)
        while at >= 0:
            start = data.rfind(b"\n", 0, at) + 1
            end = data.find(b"\n", at)
            end = len(data) if end < 0 else end
            places.add((start, end))
            at = folded.find(name, end)
    for start, end in sorted(places):
        line = data[start:end]
        if not names.isdisjoint(tokens(line)):
            yield start, line


class Sidecars:
    """Says what to read of files. What was read of a sidecar is known as long as it is the same."""

    def __init__(self, index: Path | None) -> None:
        self._index = index
        self._known: dict[str, tuple[int, Sidecar]] = {}
        """Path of a file -> its sidecar, and where that is on the disk."""

    def ranges(self, file: LogFile, text: Text, names: set[bytes]) -> list[Range]:
        """The blocks that may have one of the tokens, and what is in no block yet."""
        if self._index is None:
            return [(0, text.size)]
        try:
            with (
                place_of(self._index, file.path).open("rb") as handle,
                mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as buffer,
            ):
                known = self._read(file, text, os.fstat(handle.fileno()).st_ino, buffer)
                if known is None:
                    return [(0, text.size)]
                blocks: list[Range] = list(known.blocks(buffer, sorted(names)))
        except (OSError, ValueError):
            return [(0, text.size)]
        if not known.whole if text.size is None else known.end < text.size:
            blocks.append((known.end, text.size))
        return blocks

    def _read(self, file: LogFile, text: Text, inode: int, buffer: mmap.mmap) -> Sidecar | None:
        """What is good of a sidecar; None when it is another file's."""
        inode_before, known = self._known.get(file.path, (0, None))
        if known is not None and inode == inode_before and known.size <= len(buffer):
            return known
        known = sidecar.read(buffer, (1 << 62) if text.size is None else text.size)
        if known.path != file.path.removesuffix(".zst") or known.head != text.read(0, HEAD_BYTES):
            return None
        self._known[file.path] = inode, known
        return known
