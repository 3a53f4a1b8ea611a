"""What an index keeps beside a log: for each block of it, the hashes of what is in it.

A sidecar is a head (whose it is, and how that file begins) and records, each with a CRC-32; the
blocks stand one behind the other from the file's beginning. Invariant: what is cut short or
damaged counts as not there, and so do the records behind it.
"""

import struct
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from mmap import mmap
from zlib import crc32

from workers.logs.core.tokens import HASH_BYTES, hash_of

BLOCK_BYTES = 256 << 10
HEAD_BYTES = 64
"""Of the log's beginning: another file with the same name begins with another time."""
_HEAD = struct.Struct("<4sHHI")
_RECORD = struct.Struct("<QIII")
_MAGIC = b"mli2"
MANY = 40
"""Of so many hashes it is quicker to go through a block than to look each of them up."""

Buffer = bytes | mmap


@dataclass(slots=True)
class Sidecar:
    """One that was read: where the blocks are, and where their hashes."""

    path: str = ""
    head: bytes = b""
    starts: list[int] = field(default_factory=list)
    """Where each block begins in the log, bytes."""
    spots: list[int] = field(default_factory=list)
    """Where its hashes begin here, bytes; they are in order."""
    counts: list[int] = field(default_factory=list)
    """How many they are."""
    end: int = 0
    """Where the last block ends in the log."""
    size: int = 0
    """Bytes of the sidecar that are good."""
    whole: bool = False
    """The log ends there, for good: the last block is empty and says so."""

    def blocks(self, buffer: Buffer, tokens: Sequence[bytes]) -> Iterator[tuple[int, int]]:
        """Start and end of the blocks that have one of the tokens, or, rarely, seem to."""
        wanted = {hash_of(one) for one in tokens}
        ends = [*self.starts, self.end][1:]
        with memoryview(buffer) as view, view[: self.size].cast("I") as numbers:
            for start, end, spot, count in zip(
                self.starts, ends, self.spots, self.counts, strict=True
            ):
                first = spot // HASH_BYTES
                if _has(numbers, first, first + count, wanted):
                    yield start, end


def _has(numbers: "memoryview[int]", first: int, last: int, wanted: set[int]) -> bool:
    """Whether one of the numbers is in a part that is in order."""
    if len(wanted) > MANY:
        return not wanted.isdisjoint(numbers[first:last])
    for one in wanted:
        place = bisect_left(numbers, one, first, last)
        if place < last and numbers[place] == one:
            return True
    return False


def head(path: str, beginning: bytes) -> bytes:
    """How a sidecar begins; `beginning` is the log's first `HEAD_BYTES`."""
    body = path.encode("utf-8", "surrogateescape") + beginning
    said = _HEAD.pack(_MAGIC, len(body) - len(beginning), len(beginning), crc32(body)) + body
    return said + bytes(-len(said) % HASH_BYTES)


def record(start: int, length: int, hashes: bytes) -> bytes:
    """What says what is in the block of `length` bytes from `start` on."""
    check = crc32(hashes, crc32(_RECORD.pack(start, length, len(hashes), 0)))
    return _RECORD.pack(start, length, len(hashes), check) + hashes


def read(buffer: Buffer, limit: int) -> Sidecar:
    """What is good of a sidecar; `limit`: the log's size, what is said beyond it does not count."""
    if len(buffer) < _HEAD.size:
        return Sidecar()
    magic, path_size, head_size, check = _HEAD.unpack_from(buffer)
    size = _HEAD.size + path_size + head_size
    body = bytes(buffer[_HEAD.size : size])
    size += -size % HASH_BYTES
    if magic != _MAGIC or crc32(body) != check or size > len(buffer):
        return Sidecar()
    path = body[:path_size].decode("utf-8", "surrogateescape")
    found = Sidecar(path, body[path_size:], size=size)
    view = memoryview(buffer)
    while size + _RECORD.size <= len(view):
        start, length, count, check = _RECORD.unpack_from(view, size)
        hashes = view[size + _RECORD.size : size + _RECORD.size + count]
        if start != found.end or start + length > limit:
            break
        if len(hashes) < count or count % HASH_BYTES:
            break
        if crc32(hashes, crc32(_RECORD.pack(start, length, count, 0))) != check:
            break
        found.whole = not length
        found.starts.append(start)
        found.spots.append(size + _RECORD.size)
        found.counts.append(count // HASH_BYTES)
        size += _RECORD.size + count
        found.end, found.size = start + length, size
    hashes = memoryview(b"")
    view.release()
    return found
