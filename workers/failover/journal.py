"""The events of a node: facts with a number and a wall-clock time, kept within bounds.

Numbers begin at 1 with each incarnation and grow by one. The time is for people; nothing is decided
by it. Recording is cheap; `flush` writes to file, stderr and followers, a bounded batch at a time.
Earlier runs are the chronicle's business.
"""

import contextlib
import json
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from workers.failover import chronicle
from workers.failover.core.actions import Fact
from workers.failover.output import Output

KEPT_EVENTS = 25_000
FILE_BYTES = 4 * 1024 * 1024
"""Beyond this the file is put aside as events.old.jsonl, and the one before that is gone."""
BATCH_EVENTS = 256
UNWRITTEN_EVENTS = 50_000
"""Beyond this events are not recorded: numbers have no gaps."""


class Journal:
    """Numbers and keeps events, and shows them to those who follow."""

    def __init__(self, directory: Path, incarnation: int) -> None:
        self.incarnation = incarnation
        self.followers: list[Callable[[bytes], None]] = []
        """Called with the lines of some events."""
        self.output = Output()
        self.directory = directory
        self._path = directory / chronicle.NAME
        self._file: BinaryIO | None = None
        self._number = 0
        self._events: deque[dict[str, Any]] = deque(maxlen=KEPT_EVENTS)
        self._unwritten: deque[tuple[int, float, Fact]] = deque()
        """Number, time and fact: to put them into words takes time, and is the flush's."""

    def record(self, fact: Fact) -> None:
        """Keep a fact as an event."""
        if len(self._unwritten) >= UNWRITTEN_EVENTS:
            return
        self._number += 1
        self._unwritten.append((self._number, time.time(), fact))

    def reincarnate(self, incarnation: int) -> None:
        """Go on under another incarnation: a run of its own, with numbers from 1."""
        while self.waiting:
            self.flush()
        self.incarnation, self._number = incarnation, 0
        self._events.clear()

    def since(self, number: int, limit: int = KEPT_EVENTS) -> list[dict[str, Any]]:
        """Events of this run above `number`, oldest first; what is not flushed, followers get."""
        begin = max(0, number + 1 - self.first)
        return list(islice(self._events, begin, begin + limit))

    @property
    def first(self) -> int:
        """Number of the oldest event of this run that is kept."""
        return int(self._events[0]["number"]) if self._events else self.last + 1

    @property
    def last(self) -> int:
        """Number of the newest event of this run that was flushed."""
        return self._number - len(self._unwritten)

    @property
    def waiting(self) -> bool:
        """Whether there is something to flush."""
        return bool(self._unwritten)

    def flush(self) -> None:
        """Write the next batch of events to file and stderr, and show it to the followers."""
        size = min(BATCH_EVENTS, len(self._unwritten))
        batch = [self._event(*self._unwritten.popleft()) for _ in range(size)]
        self._events += batch
        if self.followers:
            shown = b"".join(json.dumps(event).encode() + b"\n" for event in batch)
            for follower in tuple(self.followers):
                follower(shown)
        lines = [_line(event) for event in batch]
        self._append(b"".join(lines))
        self.output.write(lines)

    def close(self) -> None:
        """Write what is left."""
        while self.waiting:
            self.flush()
        if self._file is not None:
            self._file.close()

    def _event(self, number: int, at: float, fact: Fact) -> dict[str, Any]:
        return {
            "number": number,
            "incarnation": self.incarnation,
            "time": datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds"),
            "kind": fact.kind.value,
            "vip": fact.vip,
            "node": fact.node,
            "reason": fact.reason.value,
            "epoch": fact.epoch,
            "detail": fact.detail,
            "actor": fact.actor.value,
            "view": fact.view,
            "gap_ms": None if fact.gap is None else round(1000 * fact.gap, 1),
        }

    def _append(self, lines: bytes) -> None:
        with contextlib.suppress(OSError):
            if self._file is None:
                self._file = self._path.open("ab", buffering=0)
            self._file.write(lines)
            if self._file.tell() > FILE_BYTES:
                self._file.close()
                self._file = None
                self._path.replace(self._path.with_name(chronicle.OLD_NAME))


def _line(event: dict[str, Any]) -> bytes:
    """A line without what is empty; a gap of nothing says something."""
    kept = {
        n: value for n, value in event.items() if value or (n == "gap_ms" and value is not None)
    }
    return json.dumps(kept).encode() + b"\n"
