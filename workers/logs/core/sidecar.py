"""What an index keeps beside a log: for each block of it, the hashes of what is in it.

A sidecar is a head (whose it is, and how that file begins) and records, each with a CRC-32; the
blocks stand one behind the other from the file's beginning. Invariant: what is cut short or
damaged counts as not there, and so do the records behind it.
"""

import re
import struct
from bisect import bisect_right
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
_MAGIC = b"mli1"

Buffer = bytes | mmap


@dataclass(slots=True)
class Sidecar:
    """One that was read: where the blocks are, and where their hashes."""

    path: str = ""
    head: bytes = b""
    starts: list[int] = field(default_factory=list)
    """Where each block begins in the log, bytes."""
    spots: list[int] = field(default_factory=list)
    """Where its hashes begin here, bytes."""
    end: int = 0
    """Where the last block ends in the log."""
    size: int = 0
    """Bytes of the sidecar that are good."""
    whole: bool = False
    """The log ends there, for good: the last block is empty and says so."""

    def blocks(self, buffer: Buffer, tokens: Sequence[bytes]) -> Iterator[tuple[int, int]]:
        """Start and end of the blocks that have one of the tokens, or, rarely, seem to."""
        needle = re.compile(b"|".join(re.escape(hash_of(one)) for one in tokens), re.DOTALL)
        at = self.spots[0] if self.spots else self.size
        while (found := needle.search(buffer, at, self.size)) is not None:
            number = bisect_right(self.spots, found.start()) - 1
            limit = self.size
            if number + 1 < len(self.spots):
                limit = self.spots[number + 1] - _RECORD.size
            distance = found.start() - self.spots[number]
            if distance % HASH_BYTES or found.end() > limit:
                at = found.start() + 1
                continue
            at = limit + _RECORD.size
            last = number + 1 == len(self.starts)
            yield self.starts[number], self.end if last else self.starts[number + 1]


def head(path: str, beginning: bytes) -> bytes:
    """How a sidecar begins; `beginning` is the log's first `HEAD_BYTES`."""
    body = path.encode("utf-8", "surrogateescape") + beginning
    return _HEAD.pack(_MAGIC, len(body) - len(beginning), len(beginning), crc32(body)) + body


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
    if magic != _MAGIC or crc32(body) != check:
        return Sidecar()
    path = body[:path_size].decode("utf-8", "surrogateescape")
    found = Sidecar(path, body[path_size:], size=size)
    view = memoryview(buffer)
    while size + _RECORD.size <= len(view):
        start, length, count, check = _RECORD.unpack_from(view, size)
        hashes = view[size + _RECORD.size : size + _RECORD.size + count]
        if start != found.end or start + length > limit or len(hashes) < count:
            break
        if crc32(hashes, crc32(_RECORD.pack(start, length, count, 0))) != check:
            break
        found.whole = not length
        found.starts.append(start)
        found.spots.append(size + _RECORD.size)
        size += _RECORD.size + count
        found.end, found.size = start + length, size
    hashes = memoryview(b"")
    view.release()
    return found
