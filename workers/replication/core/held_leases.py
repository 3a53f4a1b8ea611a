"""Leases as bytes for the disk, and back: what MTAs hold must go on after the worker died. Pure.

In a journal they stand beside what they count, as values of a table that nobody else has: the last
one of a name counts, one without content is over.
"""

from collections.abc import Iterable, Iterator
from itertools import islice

import msgspec

from workers.replication.core.definitions import TableType
from workers.replication.core.journal import Journal, Value, read
from workers.replication.core.leases import Lease

TABLE = "\0leases"
"""No table is called so."""
PIECE_LEASES = 64


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    name: str
    cells: list[tuple[TableType, str]]
    count: int
    ttl: float
    ends_at: float


_DECODER = msgspec.msgpack.Decoder(_Kept)


def write(journal: Journal, lease: Lease, is_held: bool) -> None:
    """Write that a lease is held, until when, or that it is not any more."""
    content = msgspec.msgpack.encode(_kept(lease)) if is_held else b""
    journal.value(TABLE, lease.name.encode(), 0, lease.ends_at, content)


def dump(leases: Iterable[Lease]) -> Iterator[bytes]:
    """Return all in pieces; they are those of now."""
    every = iter([_kept(one) for one in leases])
    while some := list(islice(every, PIECE_LEASES)):
        yield msgspec.msgpack.encode(some)


def load(pieces: Iterable[bytes], journals: Iterable[bytes]) -> list[Lease]:
    """Return what was held. Raises `ValueError` for a piece that is none."""
    held: dict[str, _Kept] = {}
    for piece in pieces:
        held |= {one.name: one for one in msgspec.msgpack.decode(piece, type=list[_Kept])}
    for journal in journals:
        for record in read(journal):
            if not isinstance(record, Value) or record.table != TABLE:
                continue
            name = record.key.decode("utf-8", "replace")
            held.pop(name, None)
            if record.value:
                held[name] = _DECODER.decode(record.value)
    return [
        Lease(one.name, tuple(one.cells), one.count, one.ttl, one.ends_at) for one in held.values()
    ]


def _kept(lease: Lease) -> _Kept:
    return _Kept(lease.name, list(lease.cells), lease.count, lease.ttl, lease.ends_at)
