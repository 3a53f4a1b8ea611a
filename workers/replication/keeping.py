"""Keeps a node's tables on its disk: every own count in a journal, all of them now and then.

A snapshot is written while counting goes on, piece by piece. Invariant: what journals have is
absolute, so reading them again over a newer snapshot changes nothing; nobody waits for the disk but
whoever starts. A disk without room is told, and all is kept again as soon as it has some.
"""

import asyncio
import contextlib
import logging
import mmap
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

from workers.replication import state
from workers.replication.core import held_leases
from workers.replication.core.journal import Journal, damage
from workers.replication.core.leases import Lease
from workers.replication.core.offsets import TABLE, Offsets
from workers.replication.segments import SEGMENT_BYTES, Segments

JOURNAL_BYTES = 32 << 20
"""Of journals since the last snapshot, at least, until the next one."""
LEFT_PART = 4
"""With less than a fourth of it left, a journal is followed by the next."""
REST = 50
"""A snapshot that took a second is followed by so many seconds without one, at least."""
REST_MAX_SECONDS = 3_600.0
EVERY_SECONDS = 60.0
OFFSETS, LEASES = b"\xff", b"\xfe"
"""What pieces of a snapshot with these begin with; others with the number of their part."""
log = logging.getLogger("muster.replication")


class Kept(Protocol):
    """Tables as they are kept: `core.tables.Tables`."""

    journal: Journal | None

    def dump(self, now: float) -> Iterator[bytes]:
        """All of it in pieces, while it may change."""

    def load(self, pieces: Iterable[bytes], now: float) -> None:
        """Take what was kept; raises ValueError for what is none."""

    def replay(self, data: bytes, now: float) -> int:
        """Take what a journal has."""


class Keeper:
    """Of one run of a node. `directory` is for it alone; `parts`: what is kept, by name.

    Journals of the first part keep offsets and leases too. `clock`: the parts' time. Raises
    `OSError` when the directory cannot be read or made.
    """

    def __init__(
        self,
        directory: Path,
        parts: Mapping[str, Kept],
        offsets: Offsets,
        incarnation: int,
        clock: Callable[[], float],
        size: int = SEGMENT_BYTES,
    ) -> None:
        self._directory, self._parts, self._offsets = directory, dict(parts), offsets
        self._names = tuple(self._parts)
        self._incarnation, self._clock, self._size = incarnation, clock, size
        self._segments = Segments(directory, self._names, size)
        self._loaded = state.load(directory, self._names, damage)
        self.problems = list(self._loaded.problems)
        """Sentences about what was put aside at the start."""
        self._problem = ""
        self._generation = self._loaded.generation - 1
        self._ready: list[mmap.mmap] | None = None
        self._buffers: list[mmap.mmap] = []
        self.leases: Callable[[], Iterable[Lease]] = tuple
        """What is held now."""
        self._lost = 0
        self._full = 0
        """Bytes of journals since the last snapshot, but for those that are written to."""
        self._snapshot = 0
        self._due_at = self._saved_at = float("-inf")

    @property
    def unkept(self) -> int:
        """Counts that found no room in a journal; a snapshot may have them."""
        return self._lost + sum(one.lost for one in self._journals())

    @property
    def complaints(self) -> list[str]:
        """What an operator should see to."""
        return [one for one in (self._problem, self._segments.problem, *self.problems) if one]

    def begin(self) -> list[Lease]:
        """Fill the parts with what was kept, and keep what they count from now on.

        The leases that were held: the gauges of the parts are not to be trusted without them.
        """
        now = self._clock()
        pieces: dict[int, list[bytes]] = {}
        for piece in self._loaded.pieces:
            pieces.setdefault(piece[0], []).append(piece[1:])
        journals = self._loaded.journals
        held: list[Lease] = []
        first = journals[self._names[0]]
        try:
            held = held_leases.load(pieces.pop(LEASES[0], []), first)
            self._offsets.load(pieces.pop(OFFSETS[0], []), ())
            for number, part in enumerate(self._parts.values()):
                part.load(pieces.pop(number, []), now)
        except ValueError as error:
            self.problems.append(state.put_aside_all(self._directory, self._names, str(error)))
        self._offsets.load((), first)
        for name, part in self._parts.items():
            for data in journals[name]:
                part.replay(data, now)
        for problem in self.problems:
            log.error("replication: %s", problem)
        self._loaded = state.Loaded(iter(()), {}, 0)
        self._turn()
        return held

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Have what is counted meanwhile kept as one, with the offset that goes with it."""
        journals = self._journals()
        for one in journals:
            one.hold()
        try:
            yield
        finally:
            for one in reversed(journals):  # the first has the offsets, and comes last
                one.commit()

    def advance(self, source: str, offset: int) -> None:
        """Everything that `source` told before `offset` is counted."""
        self._offsets.advance(source, offset)
        if journals := self._journals():
            journals[0].value(TABLE, source.encode(), offset, 0.0, b"")

    def lease(self, lease: Lease, is_held: bool) -> None:
        """Keep that a lease is held, or that it is not any more."""
        if journals := self._journals():
            held_leases.write(journals[0], lease, is_held)

    def tick(self) -> None:
        """Have room for what comes; call it a few times a second."""
        journals = self._journals()
        left = min((one.left for one in journals), default=0)
        if left * 2 < self._size and self._ready is None:
            self._ready = self._segments.make(self._generation + 1)
        if left * LEFT_PART < self._size and self._ready is not None:
            missed = not journals or self.unkept > self._lost
            self._turn()
            if missed:
                self._due_at = self._saved_at = float("-inf")

    def due(self, now: float) -> bool:
        """Whether a snapshot is to be written. `now`: monotonic seconds."""
        if now < self._due_at:
            return False
        grown = self._full > max(JOURNAL_BYTES, 2 * self._snapshot)
        return grown or now - self._saved_at >= EVERY_SECONDS

    async def save(self) -> None:
        """Write a snapshot; for one at a time."""
        began = time.monotonic()
        try:
            self._turn()
            full = self._full
            writing = state.Writing(self._directory, self._names, self._generation)
            try:
                for piece in self._pieces():
                    writing.add(piece)
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
            self._full -= full
            self._snapshot = writing.size
            self._saved_at = time.monotonic()
        taken = time.monotonic() - began
        self._due_at = time.monotonic() + min(REST * taken + 1.0, REST_MAX_SECONDS)

    def close(self) -> None:
        """Let go; what is kept stays."""
        self._let_go()
        if self._ready is not None:
            for buffer in self._ready:
                buffer.close()
            self._segments.remove(self._generation + 1)
            self._ready = None

    def _pieces(self) -> Iterator[bytes]:
        for piece in self._offsets.dump():
            yield OFFSETS + piece
        for piece in held_leases.dump(self.leases()):
            yield LEASES + piece
        for number, part in enumerate(self._parts.values()):
            mark = bytes([number])
            for piece in part.dump(self._clock()):
                yield mark + piece

    def _journals(self) -> list[Journal]:
        return [one.journal for one in self._parts.values() if one.journal is not None]

    def _turn(self) -> None:
        """Go on in new files, if they can be made; else in those there are."""
        if self._ready is None:
            self._ready = self._segments.make(self._generation + 1)
        if self._ready is None:
            return
        self._full += sum(self._size - one.left for one in self._journals())
        self._lost = self.unkept
        self._let_go()
        self._buffers, self._ready = self._ready, None
        self._generation += 1
        for part, buffer in zip(self._parts.values(), self._buffers, strict=True):
            part.journal = Journal(memoryview(buffer), self._incarnation)

    def _let_go(self) -> None:
        for part in self._parts.values():
            part.journal = None
        for buffer in self._buffers:
            with contextlib.suppress(BufferError):  # a view of it goes with its journal
                buffer.close()
        self._buffers = []

    def _say(self, problem: str) -> None:
        if problem and problem != self._problem:
            log.error("replication: %s", problem)
        self._problem = problem
