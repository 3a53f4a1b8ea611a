"""A collector's files: each piece of a log once, whatever dies when.

One process at a time has a store. Invariants: a piece is told as kept only when its bytes and the
record of them are on the disk; after a death the files are cut back to what the records say, so
what comes again is neither doubled nor lost. Only ends of files are ever touched.
"""

import dataclasses
import logging
import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from workers.files import durable, locks
from workers.logs.core.collecting import dropped_line
from workers.logs.core.ledger import (
    Forgotten,
    Kept,
    Ledger,
    Opened,
    Record,
    Verdict,
    decoded,
    encoded,
)

OPEN_MAX = 128
"""Files that are held open."""
COMPACT_BYTES = 8 << 20
LOCK_SECONDS = 2.0
log = logging.getLogger("muster.logs")


class StoreError(Exception):
    """Nothing of what was given is kept; the sentence says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of a segment from `offset` on, and the file they belong into.

    `dropped`: so many bytes in front of `offset` will never come; the file says so in their place.
    """

    segment: str
    offset: int
    data: bytes
    path: str
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a piece, and how many bytes of its segment are there now."""

    verdict: Verdict
    position: int


class Store:
    """Pieces go in, files come out. For one thread. `state` is where its ledger is.

    `wrote(path, start, data)` is told of what is kept, and where in its file it stands.
    `compact_bytes`: a ledger of this size is written anew, if that makes it half as large. Raises
    `StoreError` when another process has it, or the ledger cannot be read.
    """

    def __init__(
        self,
        state: Path,
        *,
        file_mode: int = 0o640,
        dir_mode: int = 0o750,
        compact_bytes: int = COMPACT_BYTES,
        wrote: Callable[[str, int, bytes], None] = lambda _path, _start, _data: None,
    ) -> None:
        self._wrote = wrote
        self._modes = file_mode, dir_mode
        self._compact_bytes = compact_bytes
        self._path = state / "ledger"
        self._files: OrderedDict[str, int] = OrderedDict()
        try:
            state.mkdir(parents=True, exist_ok=True)
            self._lock = locks.take(state / "lock", LOCK_SECONDS)
        except locks.TakenError:
            raise StoreError(f"{state} is another collector's; end that one first") from None
        except OSError as error:
            raise StoreError(f"{state} cannot be used: {error.strerror}") from error
        self.ledger = Ledger()
        try:
            self._recover()
        except OSError as error:
            os.close(self._lock)
            raise StoreError(f"{self._path} cannot be read: {error}; see the disk") from error

    def keep(self, pieces: Sequence[Piece]) -> list[Outcome]:
        """Keep all of them, or raise `StoreError` and keep none; their order is that of the files.

        A piece that leaves a gap is not kept; what comes behind it in the same segment neither.
        """
        trial = _Trial(self.ledger)
        outcomes = [trial.add(one) for one in pieces]
        if not trial.writes:
            return outcomes
        try:
            self._open(trial)
            writes = self._write(trial)
            records = [record for record, _data in writes]
            self._append(records)
        except OSError as error:
            self._undo(trial)
            raise StoreError(
                f"nothing was kept: {error}; make room, it goes on by itself"
            ) from error
        for record, data in writes:
            self.ledger.add(record)
            self._wrote(record.path, record.length - len(data), data)
        if self._size > self._compact_bytes:
            self._compact()
        return outcomes

    def forget(self, segments: Sequence[str]) -> None:
        """Nothing will come of these segments any more; raises `StoreError`."""
        known = [Forgotten(segment=one) for one in segments if one in self.ledger.positions]
        if not known:
            return
        try:
            self._append(known)
        except OSError as error:
            raise StoreError(f"nothing was forgotten: {error}; make room, and try again") from error
        for record in known:
            self.ledger.add(record)

    def let_go(self) -> None:
        """Close files that others deleted: the disk has their room again."""
        for path in [one for one, handle in self._files.items() if not os.fstat(handle).st_nlink]:
            os.close(self._files.pop(path))

    def close(self) -> None:
        """Let go of everything."""
        for handle in (*self._files.values(), self._handle, self._lock):
            os.close(handle)
        self._files.clear()

    # What is on the disk.

    def _recover(self) -> None:
        """Read the ledger, and cut files back to it."""
        new = not self._path.exists()
        self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        data = self._path.read_bytes()
        self._size = 0
        for record, end in decoded(data):
            self.ledger.add(record)
            self._size = end
        if self._size < len(data):
            log.warning("%s: the last %s bytes were cut short", self._path, len(data) - self._size)
            os.ftruncate(self._handle, self._size)
            os.fdatasync(self._handle)
        if new:
            durable.settle(self._path.parent)
        for path, length in list(self.ledger.lengths.items()):
            self._cut_back(path, length)

    def _cut_back(self, path: str, length: int) -> None:
        try:
            found = os.stat(path, follow_symlinks=False).st_size
        except FileNotFoundError:
            self.ledger.add(Forgotten(path=path))  # taken away by whoever looks after old logs
            return
        if found > length:
            handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                os.ftruncate(handle, length)
                os.fdatasync(handle)
            finally:
                os.close(handle)
        elif found < length:
            log.error("%s lacks %s bytes that were in it; see the disk", path, length - found)
            self.ledger.add(Opened(path, found))

    def _open(self, trial: "_Trial") -> None:
        """Open every file; of one that is new here it is said first what is in it."""
        new: list[Record] = []
        for path in trial.paths():
            self._leave_moved(path)
            if path not in self.ledger.lengths:
                length = os.fstat(self._file(path)).st_size
                new.append(Opened(path, length))
        if new:
            self._append(new)
            for record in new:
                self.ledger.add(record)

    def _leave_moved(self, path: str) -> None:
        """Leave a file that was deleted, has another name by now, or was cut short by others."""
        handle = self._files.get(path)
        try:
            found = os.stat(path, follow_symlinks=False)
        except FileNotFoundError:
            found = None
        if handle is not None and (found is None or not os.path.samestat(os.fstat(handle), found)):
            os.close(self._files.pop(path))
            found = None
        if found is None or found.st_size < self.ledger.lengths.get(path, 0):
            self.ledger.add(Forgotten(path=path))

    def _file(self, path: str) -> int:
        if path not in self._files:
            self._directories(Path(path).parent)
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            existed = os.path.lexists(path)
            handle = os.open(path, flags, self._modes[0])
            self._files[path] = handle
            if not existed:
                os.fchmod(handle, self._modes[0])
                durable.settle(Path(path).parent)
            while len(self._files) > OPEN_MAX:
                os.close(self._files.popitem(last=False)[1])
        self._files.move_to_end(path)
        return self._files[path]

    def _directories(self, directory: Path) -> None:
        missing = []
        while not directory.exists():
            missing.append(directory)
            directory = directory.parent
        for one in reversed(missing):
            one.mkdir(exist_ok=True)
            one.chmod(self._modes[1])
            durable.settle(one.parent)

    def _write(self, trial: "_Trial") -> list[tuple[Kept, bytes]]:
        """Write the pieces behind the files' ends, and bring them to the disk."""
        writes: list[tuple[Kept, bytes]] = []
        ends: dict[str, int] = {}
        for piece in trial.writes:
            end = ends.get(piece.path, self.ledger.lengths[piece.path])
            handle = self._file(piece.path)
            data = _noted(handle, end, piece)
            _write_all(handle, data, end)
            ends[piece.path] = end + len(data)
            position = piece.offset + len(piece.data)
            writes.append((Kept(piece.segment, position, piece.path, ends[piece.path]), data))
        for path in ends:
            os.fdatasync(self._file(path))
        return writes

    def _append(self, records: Sequence[Record]) -> None:
        data = encoded(records)
        try:
            _write_all(self._handle, data, self._size)
            os.fdatasync(self._handle)
        except OSError:
            os.ftruncate(self._handle, self._size)
            raise
        self._size += len(data)

    def _undo(self, trial: "_Trial") -> None:
        """Cut the files back at once: the room may be needed."""
        for path in trial.paths():
            if path in self.ledger.lengths and path in self._files:
                os.ftruncate(self._files[path], self.ledger.lengths[path])

    def _compact(self) -> None:
        data = encoded(self.ledger.records())
        if len(data) * 2 > self._size:
            return
        durable.replace(self._path, data)
        os.close(self._handle)
        self._handle = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        self._size = len(data)


class _Trial:
    """Pieces judged one behind the other, as if each were kept already."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._ahead = Ledger()
        self.writes: list[Piece] = []

    def add(self, piece: Piece) -> Outcome:
        """Judge one, and note what of it is to be written."""
        known = self._ahead if piece.segment in self._ahead.positions else self._ledger
        missing = piece.offset - known.positions.get(piece.segment, 0)
        if 0 < missing <= piece.dropped:
            self._ahead.positions[piece.segment] = piece.offset + len(piece.data)
            self.writes.append(dataclasses.replace(piece, dropped=missing))
            return Outcome(Verdict.NEW, piece.offset + len(piece.data))
        verdict, there = known.judge(piece.segment, piece.offset, len(piece.data))
        if verdict is Verdict.NEW:
            position = piece.offset + len(piece.data)
            self._ahead.positions[piece.segment] = position
            rest = piece.data[there:]
            self.writes.append(Piece(piece.segment, piece.offset + there, rest, piece.path))
            return Outcome(verdict, position)
        return Outcome(verdict, known.positions.get(piece.segment, 0))

    def paths(self) -> list[str]:
        """The files, each once."""
        return list(dict.fromkeys(one.path for one in self.writes))


def _noted(handle: int, end: int, piece: Piece) -> bytes:
    """What is written of a piece: a line of its own says what was dropped in front of it."""
    if not piece.dropped:
        return piece.data
    broken = end > 0 and os.pread(handle, 1, end - 1) != b"\n"
    return b"\n" * broken + dropped_line(piece.dropped) + piece.data


def _write_all(handle: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(handle, view, offset)
        view, offset = view[written:], offset + written
