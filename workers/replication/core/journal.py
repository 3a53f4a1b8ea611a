"""A node's own charges in a buffer that outlives the process, such as a mapped file.

Layout: magic (8 bytes), end of the last whole record (8), incarnation (8), records. A record is
written before the end moves beyond it, so who dies in between loses that charge alone. Values are
absolute, so records may be replayed twice, or onto a state that has them. Invariant: `read` never
fails, whatever the bytes: it ends where they make no sense.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple, Protocol

MAGIC = b"mstrjnl1"
_HEAD = struct.Struct("<8sQQ")
_END = struct.Struct("<Q")
_CHARGE = struct.Struct("<BIQI")
"""Kind, the key's number, bucket (0 of a gauge), the count as it is now."""
_NAME = struct.Struct("<BIHdH")
"""Kind, the key's number, length of the table's name, span, length of the key; then both."""
_BATCH = struct.Struct("<BQ")
_VALUE = struct.Struct("<BQdHHI")
"""Kind, clock, when it ends, lengths of the table's name, the key, the value; then these."""
CHARGE, NAME, BATCH, VALUE = 1, 2, 3, 4
COUNT_MAX = (1 << 32) - 1
END_AT = 8


class _Keyed(Protocol):
    journal: object
    record: int
    key: bytes


class Journal:
    """Writes records into `buffer`; what does not fit is `lost`, counted."""

    def __init__(self, buffer: bytearray | memoryview, incarnation: int) -> None:
        self._buffer = buffer
        self._size = len(buffer)
        self._at = _HEAD.size
        self._names = 0
        self._is_held = False
        self.lost = 0
        _HEAD.pack_into(buffer, 0, MAGIC, self._at, incarnation)

    @property
    def left(self) -> int:
        """Bytes that are free."""
        return self._size - self._at

    def charge(self, one: _Keyed, table: str, span: float, bucket: int, count: int) -> None:
        """Write what a key counts now."""
        if one.journal is not self and not self._name(one, table, span):
            return
        end = self._at + _CHARGE.size
        if end > self._size:
            self.lost += 1
            return
        count = min(count, COUNT_MAX)
        _CHARGE.pack_into(self._buffer, self._at, CHARGE, one.record, bucket, count)
        self._at = end
        if not self._is_held:
            _END.pack_into(self._buffer, END_AT, end)

    def hold(self) -> None:
        """Have what is written until `commit` count as one: all of it, or nothing."""
        self._is_held = True

    def commit(self) -> None:
        """Let what was written since `hold` count."""
        self._is_held = False
        _END.pack_into(self._buffer, END_AT, self._at)

    def batch(self, number: int) -> None:
        """Write that the batch of this number left, with everything that was changed before."""
        self._write(_BATCH.pack(BATCH, number))

    def value(self, table: str, key: bytes, clock: int, ends: float, value: bytes) -> None:
        """Write a value of a cache."""
        name = table.encode()
        head = _VALUE.pack(VALUE, clock, ends, len(name), len(key), len(value))
        self._write(head + name + key + value)

    def _name(self, one: _Keyed, table: str, span: float) -> bool:
        name = table.encode()
        self._names += 1
        head = _NAME.pack(NAME, self._names, len(name), span, len(one.key))
        if not self._write(head + name + one.key):
            return False
        one.journal, one.record = self, self._names
        return True

    def _write(self, record: bytes) -> bool:
        end = self._at + len(record)
        if end > self._size:
            self.lost += 1
            return False
        self._buffer[self._at : end] = record
        self._at = end
        if not self._is_held:
            _END.pack_into(self._buffer, END_AT, end)
        return True


class Charge(NamedTuple):
    """What a key counts. `span` and `bucket`: 0 of a gauge."""

    table: str
    span: float
    key: bytes
    bucket: int
    value: int


class Value(NamedTuple):
    """A value of a cache."""

    table: str
    key: bytes
    clock: int
    ends: float
    value: bytes


def incarnation_of(data: bytes) -> int | None:
    """Return whose charges these are; None where that cannot be read."""
    if len(data) < _HEAD.size or data[:8] != MAGIC:
        return None
    return int(_HEAD.unpack_from(data)[2])


def damage(data: bytes) -> str:
    """Say what is wrong with the content of a journal; nothing is with one that was never begun."""
    if incarnation_of(data) is None:
        return "it is no journal of this version" if data.strip(b"\0") else ""
    end = _END.unpack_from(data, END_AT)[0]
    if end > len(data):
        return f"it is cut off at byte {len(data)} of {end}"
    reached = _reached(data)
    return "" if reached == end else f"it is damaged at byte {reached}"


def read(data: bytes) -> Iterator[Charge | Value | int]:
    """Return charges, values, and numbers of batches, in the order they were written."""
    if incarnation_of(data) is None:
        return
    end = min(len(data), _END.unpack_from(data, END_AT)[0])
    names: dict[int, tuple[str, float, bytes]] = {}
    at = _HEAD.size
    while at < end:
        try:
            record, at = _read_one(data, at, end, names)
        except (struct.error, KeyError, UnicodeDecodeError):
            return
        if record is not None:
            yield record


def _reached(data: bytes) -> int:
    """Return where the last record ends that can be read."""
    end = _END.unpack_from(data, END_AT)[0]
    names: dict[int, tuple[str, float, bytes]] = {}
    at = _HEAD.size
    while at < end:
        try:
            at = _read_one(data, at, end, names)[1]
        except (struct.error, KeyError, UnicodeDecodeError):
            break
    return at


def _read_one(
    data: bytes, at: int, end: int, names: dict[int, tuple[str, float, bytes]]
) -> tuple[Charge | Value | int | None, int]:
    kind = data[at]
    if kind == CHARGE:
        _kind, number, bucket, count = _CHARGE.unpack_from(data, at)
        return Charge(*names[number], bucket, count), _within(at + _CHARGE.size, end)
    if kind == BATCH:
        return _BATCH.unpack_from(data, at)[1], _within(at + _BATCH.size, end)
    if kind == NAME:
        _kind, number, name, span, key = _NAME.unpack_from(data, at)
        at += _NAME.size
        table, raw = data[at : at + name].decode(), data[at + name : at + name + key]
        names[number] = (table, span, raw)
        return None, _within(at + name + key, end)
    if kind == VALUE:
        _kind, clock, ends, name, key, size = _VALUE.unpack_from(data, at)
        at += _VALUE.size
        table, raw = data[at : at + name].decode(), data[at + name : at + name + key]
        at += name + key
        return Value(table, raw, clock, ends, data[at : at + size]), _within(at + size, end)
    raise KeyError(kind)


def _within(at: int, end: int) -> int:
    if at > end:
        raise KeyError(at)
    return at
