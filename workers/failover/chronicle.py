"""Events of earlier runs of the agent, read from the files its journal wrote.

Reading takes up to a tenth of a second: callers use a thread. Invariant: what is told of a run is
its newest stretch without a gap; lines that are cut short, or that were lost to a full disk, end
the stretch before them. Files that are put aside while they are read are read once.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from workers.failover.core.telling import Line

NAME, OLD_NAME = "events.jsonl", "events.old.jsonl"
LINE_BYTES = 64 * 1024
TRIES = 3
_EMPTY = {"vip": "", "node": "", "reason": "", "epoch": 0, "detail": ""} | {
    "actor": "",
    "view": "",
    "gap_ms": None,
}


def runs(directory: Path) -> dict[int, tuple[int, int]]:
    """Incarnation -> numbers of the first and last event that can be told, oldest run first."""
    found: dict[int, tuple[int, int]] = {}
    for mark, _line in _lines(directory):
        first, last = found.pop(mark.incarnation, (0, -1))
        first = first if mark.number == last + 1 else mark.number
        found[mark.incarnation] = (first, mark.number)
    return found


def events(directory: Path, incarnation: int, since: int, limit: int) -> list[dict[str, Any]]:
    """At most `limit` events of a run with numbers above `since`, oldest first, without gaps."""
    stretch: list[bytes] = []
    last = -1
    for mark, line in _lines(directory):
        if mark.incarnation == incarnation:
            if mark.number != last + 1:
                stretch.clear()
            last = mark.number
            stretch.append(line)
    first = last - len(stretch) + 1
    begin = max(0, since + 1 - first)
    return [_EMPTY | msgspec.json.decode(line) for line in stretch[begin : begin + limit]]


def _lines(directory: Path) -> Iterator[tuple[Line, bytes]]:
    """All lines that are events, oldest first."""
    decode = msgspec.json.Decoder(Line).decode
    with contextlib.ExitStack() as stack:
        for file in _opened(directory, stack):
            while line := file.readline(LINE_BYTES):
                with contextlib.suppress(msgspec.MsgspecError, UnicodeError):
                    yield decode(line), line


def _opened(directory: Path, stack: contextlib.ExitStack) -> list[BinaryIO]:
    """Both files, the older first; none twice when they are put aside in between."""
    newer: BinaryIO | None = None
    for _ in range(TRIES):
        newer = _open(directory / NAME, stack)
        older = _open(directory / OLD_NAME, stack)
        if newer is None or older is None or not _same(newer, older):
            return [file for file in (older, newer) if file is not None]
    return [newer] if newer is not None else []


def _open(path: Path, stack: contextlib.ExitStack) -> BinaryIO | None:
    try:
        return stack.enter_context(path.open("rb"))
    except OSError:
        return None


def _same(one: BinaryIO, other: BinaryIO) -> bool:
    return os.path.sameopenfile(one.fileno(), other.fileno())
