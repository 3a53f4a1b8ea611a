"""Keeps a node's tables on its disk: every own count in the journal, all of them now and then.

A snapshot is written while counting goes on, piece by piece. Invariant: what the journal has is
absolute, so reading it again over a newer snapshot changes nothing; nobody waits for the disk but
whoever starts. A disk without room is told, and left behind as soon as it has some.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from workers.replication import state
from workers.replication.journal import SEGMENT_BYTES, Journal

JOURNAL_BYTES = 32 << 20
"""Of journal since the last snapshot, at least, until the next one."""
REST = 50
"""A snapshot that took a second is followed by so many seconds without one, at least."""
EVERY_SECONDS = 60.0
TOGETHER = b"\xff"
"""What a record of several begins with; others with the number of their part."""
log = logging.getLogger("muster.replication")


class Kept(Protocol):
    """Tables as they are kept: `core.tables.Tables`."""

    journal: Callable[[bytes], object] | None

    def dump(self) -> Iterator[bytes]:
        """All of it in pieces, while it may change."""

    def load(self, pieces: Iterable[bytes], records: Iterable[bytes], now: float) -> None:
        """Take what was kept; raises ValueError for what is no piece and no record."""


class Keeper:
    """Of one node. `directory` is for it alone; `parts`: what is kept, always in this order.

    Raises `OSError` when the directory cannot be read or made.
    """

    def __init__(
        self, directory: Path, parts: Sequence[Kept], segment_bytes: int = SEGMENT_BYTES
    ) -> None:
        self._directory, self._parts = directory, parts
        self._loaded = state.load(directory)
        self.journal = Journal(directory, self._loaded.generation, segment_bytes)
        self.problems = list(self._loaded.problems)
        """Sentences about what was put aside at the start."""
        self.problem = ""
        """Why the last snapshot could not be written."""
        self._due_at = float("-inf")
        self._saved_at = float("-inf")
        self._appended = 0
        self._size = 0
        self._group: list[bytes] | None = None

    def begin(self, now: float) -> None:
        """Fill the parts with what was kept, and keep what they count from now on."""
        for problem in self.problems:
            log.error("replication: %s", problem)
        pieces: list[list[bytes]] = [[] for _ in self._parts]
        for piece in self._loaded.pieces:
            if piece[0] < len(pieces):
                pieces[piece[0]].append(piece[1:])
        for number, part in enumerate(self._parts):
            mark = bytes([number])
            records = (one[1:] for one in _single(self._loaded.records) if one[:1] == mark)
            try:
                part.load(pieces[number], records, now)
            except ValueError as error:
                self.problems.append(state.put_aside_all(self._directory, str(error)))
                log.error("replication: %s", self.problems[-1])
            pieces[number] = []
            part.journal = self._keeping(mark)
        self._loaded = state.Loaded(iter(()), [], 0)

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Have what is counted meanwhile kept as one record: all of it, or nothing.

        Nothing is kept of what raised. Not to be used within itself.
        """
        self._group = group = []
        try:
            yield
        finally:
            self._group = None
        if group:
            self.journal.append(TOGETHER + msgspec.msgpack.encode(group))

    def due(self, now: float) -> bool:
        """Whether a snapshot is to be written. `now`: monotonic seconds."""
        if now < self._due_at:
            return False
        appended = self.journal.appended - self._appended
        grown = appended > max(JOURNAL_BYTES, 2 * self._size)
        return grown or now - self._saved_at >= EVERY_SECONDS

    async def save(self) -> None:
        """Write a snapshot; for one at a time."""
        began = time.monotonic()
        appended = self.journal.appended
        try:
            writing = state.Writing(self._directory, self.journal.turn())
            try:
                for number, part in enumerate(self._parts):
                    mark = bytes([number])
                    for piece in part.dump():
                        writing.add(mark + piece)
                        await asyncio.sleep(0)
                await asyncio.to_thread(writing.finish)
            except BaseException:
                with contextlib.suppress(OSError):
                    writing.give_up()
                raise
        except OSError as error:
            why = error.strerror or str(error)
            self._say(f"{self._directory}: no snapshot can be written: {why}; make room")
        else:
            self._say("")
            self._appended, self._size = appended, writing.size
            self._saved_at = time.monotonic()
        taken = time.monotonic() - began
        self._due_at = time.monotonic() + min(REST * taken + 1.0, 3_600.0)

    def tick(self) -> None:
        """Have room for what comes; call it a few times a second."""
        self.journal.prepare()

    def close(self) -> None:
        """Let go; what is kept stays."""
        for part in self._parts:
            part.journal = None
        self.journal.close()

    @property
    def complaints(self) -> list[str]:
        """What an operator should see to."""
        return [one for one in (self.problem, self.journal.problem, *self.problems) if one]

    def _keeping(self, mark: bytes) -> Callable[[bytes], object]:
        append = self.journal.append

        def keep(record: bytes) -> None:
            if self._group is None:
                append(mark + record)
            else:
                self._group.append(mark + record)

        return keep

    def _say(self, problem: str) -> None:
        if problem and problem != self.problem:
            log.error("replication: %s", problem)
        self.problem = problem


def _single(records: Iterable[bytes]) -> Iterator[bytes]:
    """Each record, also of those that were kept together."""
    for record in records:
        if record[:1] == TOGETHER:
            yield from msgspec.msgpack.decode(record[1:], type=list[bytes])
        else:
            yield record
