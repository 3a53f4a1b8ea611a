"""What a collector has of which segment, and how long its files are: records, and their sum.

A record is a frame of 4 bytes of length, 4 of CRC-32 and msgpack. The files are written first, then
the records; so files may be longer than the ledger says after a death, and are cut back to it.
"""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum

import msgspec

SEGMENTS_MAX = 100_000
"""Segments whose position is known: the ones written last."""
FILES_MAX = 100_000
RECORD_BYTES_MAX = 1 << 16
_HEADER = 8


class Opened(msgspec.Struct, frozen=True, tag="opened"):
    """A file that is going to be written to: what was in it before, in bytes."""

    path: str
    length: int


class Kept(msgspec.Struct, frozen=True, tag="kept"):
    """A piece of a segment that is on the disk: where segment and file end with it, in bytes."""

    segment: str
    offset: int
    path: str
    length: int


class Forgotten(msgspec.Struct, frozen=True, tag="forgotten"):
    """A segment of which nothing will come any more, or a file that is gone."""

    segment: str = ""
    path: str = ""


Record = Opened | Kept | Forgotten
_ENCODER = msgspec.msgpack.Encoder()
_DECODER: msgspec.msgpack.Decoder[Record] = msgspec.msgpack.Decoder(Record)


def encoded(records: Iterable[Record]) -> bytes:
    """The frames of some records."""
    frames = bytearray()
    for record in records:
        body = _ENCODER.encode(record)
        frames += len(body).to_bytes(4, "big") + zlib.crc32(body).to_bytes(4, "big") + body
    return bytes(frames)


def decoded(data: bytes) -> Iterator[tuple[Record, int]]:
    """Records and where each ends; it stops where a frame is cut short or damaged."""
    start = 0
    while start + _HEADER <= len(data):
        length = int.from_bytes(data[start : start + 4], "big")
        body = data[start + _HEADER : start + _HEADER + length]
        check = int.from_bytes(data[start + 4 : start + _HEADER], "big")
        if length > RECORD_BYTES_MAX or len(body) < length or zlib.crc32(body) != check:
            return
        try:
            record = _DECODER.decode(body)
        except msgspec.MsgspecError:
            return
        start += _HEADER + length
        yield record, start


class Verdict(Enum):
    """What is to be done with a piece; the value is the word shown to people."""

    NEW = "new"
    DUPLICATE = "duplicate"
    """All of it is there already."""
    GAP = "gap"
    """What comes before it is missing here."""


@dataclass(slots=True)
class Ledger:
    """The sum of all records. Mutable."""

    positions: dict[str, int] = field(default_factory=dict)
    """Segment -> bytes of it that are there, the one written last at the end."""
    lengths: dict[str, int] = field(default_factory=dict)
    """File -> its length in bytes, the one written last at the end."""

    def add(self, record: Record) -> None:
        """Have it say what a record says."""
        match record:
            case Opened(path, length):
                _put(self.lengths, path, length, FILES_MAX)
            case Kept(segment, offset, path, length):
                _put(self.positions, segment, offset, SEGMENTS_MAX)
                _put(self.lengths, path, length, FILES_MAX)
            case Forgotten(segment, path):
                self.positions.pop(segment, None)
                self.lengths.pop(path, None)

    def judge(self, segment: str, offset: int, size: int) -> tuple[Verdict, int]:
        """What to do with `size` bytes from `offset` on, and how many of them are there already."""
        position = self.positions.get(segment, 0)
        if offset > position:
            return Verdict.GAP, 0
        if offset + size <= position:
            return Verdict.DUPLICATE, size
        return Verdict.NEW, position - offset

    def records(self) -> Iterator[Record]:
        """The fewest records that add up to it."""
        for path, length in self.lengths.items():
            yield Opened(path, length)
        for segment, offset in self.positions.items():
            yield Kept(segment, offset, "", 0)


def _put(known: dict[str, int], key: str, value: int, most: int) -> None:
    if not key:
        return
    known.pop(key, None)
    known[key] = value
    if len(known) > most:
        del known[next(iter(known))]
