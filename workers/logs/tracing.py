"""Trace: the lines of a story, found with the index, and without it where there is none."""

import mmap
from collections.abc import Iterator, Sequence
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
    story = Story(key)
    while wanted := story.wanted():
        for file in found:
            server = (file.subcluster, file.node)
            names = {one.token for one in wanted if one.server in (None, server)}
            if names:
                lines = list(_lines(file, names, index, limit))
                story.take(one for one in lines if within(one.moment, since, until))
    return sorted(story.lines(), key=in_order)[:limit]


def _lines(file: LogFile, names: set[bytes], index: Path | None, limit: int) -> Iterator[Line]:
    """The lines of one file that have one of the tokens; none of a file that is gone."""
    count, moments = 0, Moments(zone_seconds())
    try:
        with Text(file.path) as text:
            for start, end in _ranges(file, text, names, index):
                for offset, data in text.lines(start, end):
                    for at, line in _with(data, names):
                        moment = moment_of(line, moments, text.written)
                        yield line_of(file, offset + at, line, moment)
                        count += 1
                        if count >= limit:
                            return
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


def _ranges(file: LogFile, text: Text, names: set[bytes], index: Path | None) -> list[Range]:
    """What to read of a file: the blocks that may have a token, and what is in no block yet."""
    if index is None:
        return [(0, text.size)]
    try:
        with (
            place_of(index, file.path).open("rb") as handle,
            mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as buffer,
        ):
            known = sidecar.read(buffer, (1 << 62) if text.size is None else text.size)
            if not _is_of(known, file, text):
                return [(0, text.size)]
            blocks: list[Range] = list(known.blocks(buffer, sorted(names)))
    except (OSError, ValueError):
        return [(0, text.size)]
    if not known.whole if text.size is None else known.end < text.size:
        blocks.append((known.end, text.size))
    return blocks


def _is_of(known: Sidecar, file: LogFile, text: Text) -> bool:
    return known.path == file.path.removesuffix(".zst") and known.head == text.read(0, HEAD_BYTES)
