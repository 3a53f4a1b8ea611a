"""What a node knows of its tables, on the disk: a snapshot, and journals of what came after it.

A snapshot says in which journal what it does not hold begins; it is written beside the old one and
takes its place in one rename, and only then do the journals before it go. Invariant: what is read
back is whole. A file that is cut, garbled or of another format is put aside with its name and told;
what the other files hold is used all the same.
"""

import os
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from workers.files import durable
from workers.replication.segments import generations, path_of

MAGIC = b"MUSTERS"
VERSION = 1
SNAPSHOT, ASIDE = "snapshot", ".aside"
HEADER = struct.Struct("<7sBQI")
"""Magic, version, generation of the journal that follows, checksum of what is before it."""
PIECE = struct.Struct("<II")
"""Of a piece: its length, and the checksum of it; the last one is empty."""
PIECE_BYTES_MAX = 64 << 20
ASIDE_MAX = 8
"""So many files that were put aside are kept, the newest."""


class StateError(Exception):
    """A snapshot cannot be used; the sentence says why."""


@dataclass(slots=True)
class Loaded:
    """What the disk has. `problems`: sentences about what was put aside."""

    pieces: Iterator[bytes]
    journals: dict[str, list[bytes]]
    """By name, the content of whole files, the oldest first."""
    generation: int
    """Of the journals to begin with."""
    problems: list[str] = field(default_factory=list)


class Writing:
    """A snapshot under way: `add` its pieces, then `finish`. Raises `OSError`; then `give_up`.

    `generation`: of the journals, by `names`, that have what is counted from now on.
    """

    def __init__(self, directory: Path, names: Sequence[str], generation: int) -> None:
        self._directory, self._names, self._generation = directory, names, generation
        self._beside = directory / f"{SNAPSHOT}.new"
        self._beside.unlink(missing_ok=True)
        handle = os.open(self._beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._file: BinaryIO = os.fdopen(handle, "wb")
        self._file.write(_header(generation))
        self.size = 0

    def add(self, piece: bytes) -> None:
        """Write a piece, which is not empty."""
        self._file.write(PIECE.pack(len(piece), zlib.crc32(piece)))
        self._file.write(piece)
        self.size += PIECE.size + len(piece)

    def finish(self) -> None:
        """Let it take its place, durably, and remove the journals before it."""
        with self._file:
            self._file.write(PIECE.pack(0, 0))
            self._file.flush()
            os.fsync(self._file.fileno())
        durable.rename(self._beside, self._directory / SNAPSHOT)
        for name in self._names:
            for generation in generations(self._directory, name):
                if generation < self._generation:
                    path_of(self._directory, name, generation).unlink(missing_ok=True)

    def give_up(self) -> None:
        """Leave nothing of it."""
        try:
            self._file.close()
        finally:
            self._beside.unlink(missing_ok=True)


def load(directory: Path, names: Sequence[str], damage: Callable[[bytes], str]) -> Loaded:
    """Read everything; raises `OSError`. The pieces are read as they are asked for.

    `damage`: what is wrong with the content of a journal, empty when nothing is.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    problems: list[str] = []
    path = directory / SNAPSHOT
    pieces: Iterator[bytes] = iter(())
    first = 0
    try:
        first = _checked(path)
        pieces = _pieces(path)
    except FileNotFoundError:
        pass
    except StateError as error:
        problems.append(_put_aside(path, str(error)))
    last = max(0, first - 1)
    journals: dict[str, list[bytes]] = {}
    for name in names:
        found = [path_of(directory, name, one) for one in generations(directory, name)]
        old = path_of(directory, name, first)
        journals[name] = []
        for one in found:
            if one < old:  # a death left it behind the snapshot that has it
                one.unlink(missing_ok=True)
                continue
            journals[name].append(one.read_bytes())
            last = max(last, int(one.name.rpartition(".")[2]))
            if why := damage(journals[name][-1]):
                # What is whole in it is read again until a snapshot has it.
                problems.append(_put_aside(one, why, keep=True))
    _forget_oldest(directory)
    return Loaded(pieces, journals, last + 1, problems)


def put_aside_all(directory: Path, names: Sequence[str], why: str) -> str:
    """Keep what there is under names that nobody reads, and a sentence about it."""
    every = ((name, one) for name in names for one in generations(directory, name))
    files = [directory / SNAPSHOT, *(path_of(directory, *one) for one in every)]
    told = [_put_aside(path, why, keep=True) for path in files if path.exists()]
    return told[0] if told else f"{directory}: what is kept is not understood: {why}"


def _header(generation: int) -> bytes:
    plain = HEADER.pack(MAGIC, VERSION, generation, 0)[: -struct.calcsize("<I")]
    return HEADER.pack(MAGIC, VERSION, generation, zlib.crc32(plain))


def _checked(path: Path) -> int:
    """The generation that a snapshot names, once all of it was found whole."""
    with path.open("rb") as file:
        header = file.read(HEADER.size)
        if len(header) < HEADER.size:
            raise StateError("it ends within its header")
        magic, version, generation, _checksum = HEADER.unpack(header)
        if magic != MAGIC:
            raise StateError("it is no snapshot of replicated tables")
        if version != VERSION:
            raise StateError(f"it is of format {version}, and this version reads format {VERSION}")
        if header != _header(generation):
            raise StateError("its header is damaged")
        for _piece in _read(file):
            pass
    return int(generation)


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(HEADER.size)
        yield from _read(file)


def _read(file: BinaryIO) -> Iterator[bytes]:
    while True:
        at = file.tell()
        head = file.read(PIECE.size)
        if len(head) < PIECE.size:
            raise StateError(f"it is cut off at byte {at}")
        length, checksum = PIECE.unpack(head)
        if length == 0 and checksum == 0:
            return
        if length > PIECE_BYTES_MAX:
            raise StateError(f"it is damaged at byte {at}")
        piece = file.read(length)
        if len(piece) < length:
            raise StateError(f"it is cut off in the piece at byte {at}")
        if zlib.crc32(piece) != checksum:
            raise StateError(f"it is damaged at byte {at}")
        yield piece


def _put_aside(path: Path, why: str, *, keep: bool = False) -> str:
    """Give a file a name that nobody reads, one more to `keep` it; a sentence about it."""
    number = 1
    while (aside := path.with_name(f"{path.name}.{number}{ASIDE}")).exists():
        number += 1
    if keep:
        aside.hardlink_to(path)
        durable.settle(path.parent)
    else:
        durable.rename(path, aside)
    way = "what it held is asked of the other nodes; remove it when nobody needs it"
    said = f"and is kept as {aside}" if keep else f"and is {aside} now"
    return f"{path} cannot be used, {said}: {why}; {way}"


def _forget_oldest(directory: Path) -> None:
    aside = sorted(directory.glob(f"*{ASIDE}"), key=lambda path: path.stat().st_mtime_ns)
    for path in aside[:-ASIDE_MAX]:
        path.unlink(missing_ok=True)
