"""The journal of what this node counted since its last snapshot: records appended to mapped files.

An append is a copy into memory that the kernel owns: it costs no system call, and a process that is
killed loses nothing. A machine that loses power may lose the last second. Room is taken on the disk
before it is written to, so that a full disk is an answer and never a signal. Invariant: what is
read back are whole records in their order; a record that a death cut off at the end was never
answered for, and is dropped; anything else that is not whole is `damaged`.
"""

import contextlib
import mmap
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workers.files import durable

MAGIC = b"MUSTERJ\1"
SEGMENT_BYTES = 16 << 20
"""Of one file; a full one is followed by the next."""
RECORD_BYTES_MAX = 8 << 20
FIRST = struct.Struct("<8sII")
"""Of a file: magic, its whole size, and the checksum of both."""
HEAD = struct.Struct("<II")
"""Of a record: its length, and the checksum of it."""
PREFIX, DIGITS = "journal.", 12


@dataclass(frozen=True, slots=True)
class Kept:
    """What a file holds. `damage`: a sentence, empty when all of it is whole."""

    records: list[bytes]
    damage: str


class Journal:
    """Appends to files numbered from `generation` on in `directory`, which has no such yet.

    Nothing here raises for a disk without room: what cannot be kept is counted in `unkept`.
    """

    def __init__(self, directory: Path, generation: int, segment_bytes: int = SEGMENT_BYTES):
        self._directory = directory
        self._segment_bytes = segment_bytes
        self._next = generation
        self._map: mmap.mmap | None = None
        self._ready: tuple[int, mmap.mmap] | None = None
        self._at = segment_bytes
        self.generation = generation - 1
        """Of the file that is appended to."""
        self.unkept = 0
        """Records that found no room."""
        self.appended = 0
        """Bytes since the start."""
        self.problem = ""
        """Why there is no room, as long as there is none."""

    def append(self, record: bytes) -> bool:
        """Keep a record of at most `RECORD_BYTES_MAX`; False when there is no room."""
        size = HEAD.size + len(record)
        if self._at + size > self._segment_bytes and not self._turn(size):
            self.unkept += 1
            return False
        assert self._map is not None  # noqa: S101 - there is room
        end = self._at + size
        self._map[self._at : end] = HEAD.pack(len(record), zlib.crc32(record)) + record
        self._at = end
        self.appended += size
        return True

    def prepare(self) -> None:
        """Have room for what comes, before it is needed; call it now and then."""
        if self._ready is None and self._at * 2 >= self._segment_bytes:
            self._ready = self._made()

    def turn(self) -> int:
        """Go on in a new file, if one can be made; the number of the file that is appended to."""
        if self._at > FIRST.size:
            self._turn(HEAD.size)
        return self.generation

    def close(self) -> None:
        """Let go of the files; they stay."""
        for one in (self._map, self._ready[1] if self._ready else None):
            if one is not None:
                one.close()
        if self._ready is not None:
            with contextlib.suppress(OSError):
                path_of(self._directory, self._ready[0]).unlink(missing_ok=True)
        self._map = self._ready = None
        self._at = self._segment_bytes

    def _turn(self, size: int) -> bool:
        """Append to the next file, if it can be made and a record of so many bytes fits."""
        if FIRST.size + size > min(self._segment_bytes, RECORD_BYTES_MAX):
            return False
        if self._ready is None and not self.problem:
            self._ready = self._made()
        if self._ready is None:
            return False
        if self._map is not None:
            self._map.close()
        self.generation, self._map = self._ready
        self._ready = None
        self._at = FIRST.size
        return True

    def _made(self) -> tuple[int, mmap.mmap] | None:
        """The next file, with all of its room; None when the disk has none."""
        number = self._next
        path = path_of(self._directory, number)
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(handle, 0, self._segment_bytes)
                made = mmap.mmap(handle, self._segment_bytes)
                made[: FIRST.size] = _first(self._segment_bytes)
            finally:
                os.close(handle)
            durable.settle(self._directory)
        except (OSError, ValueError) as error:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
            why = getattr(error, "strerror", None) or str(error)
            self.problem = f"{path}: cannot be written: {why}; make room"
            return None
        self._next, self.problem = number + 1, ""
        return number, made


def path_of(directory: Path, generation: int) -> Path:
    """The file of a generation."""
    return directory / f"{PREFIX}{generation:0{DIGITS}d}"


def generations(directory: Path) -> list[int]:
    """Of the files that are there, in order."""
    found = (path.name.removeprefix(PREFIX) for path in directory.glob(f"{PREFIX}*"))
    return sorted(int(number) for number in found if number.isdigit() and len(number) == DIGITS)


def read(path: Path) -> Kept:
    """What is in a file; raises `OSError`."""
    content = path.read_bytes()
    if not content.strip(b"\0"):
        return Kept([], "")  # the machine died before its first record was on the disk
    if not content.startswith(MAGIC):
        return Kept([], "it does not begin as a journal of this version does")
    records: list[bytes] = []
    at = FIRST.size
    for record in _records(content):
        records.append(record)
        at += HEAD.size + len(record)
    if not content.startswith(_first(len(content))):
        return Kept(records, "it is cut off, or its beginning is damaged")
    return Kept(records, _damage(content, at))


def _first(size: int) -> bytes:
    plain = FIRST.pack(MAGIC, size, 0)[:-4]
    return FIRST.pack(MAGIC, size, zlib.crc32(plain))


def _records(content: bytes) -> Iterator[bytes]:
    at = FIRST.size
    while at + HEAD.size <= len(content):
        length, checksum = HEAD.unpack_from(content, at)
        record = content[at + HEAD.size : at + HEAD.size + length]
        if not length or len(record) < length or zlib.crc32(record) != checksum:
            return
        yield record
        at += HEAD.size + length


def _damage(content: bytes, end: int) -> str:
    """What is wrong behind the last whole record, which ends at `end`."""
    rest = content[end:]
    if len(rest) < HEAD.size:
        return ""
    length, _checksum = HEAD.unpack_from(rest)
    if not length and not rest.strip(b"\0"):
        return ""
    if length <= RECORD_BYTES_MAX and len(rest) >= HEAD.size + length:
        behind = rest[HEAD.size + length :]
        if length and not behind.strip(b"\0"):
            return ""  # a death cut off the last one
    return f"it is damaged at byte {end}; records behind it cannot be read"
