"""The state of a replica as bytes for the disk, and back: pieces like those of a snapshot.

A dump may be written while charges go on: whatever changes meanwhile is in the journal that began
before it. Invariant: load, then every journal since in turn, gives what was there when the process
died. What this node counted is then of an earlier life, which tells no more; its gauges and the
values it set are of this one, since they go on.
"""

from collections.abc import Iterable, Iterator

import msgspec

from workers.replication.core.caches import Entry
from workers.replication.core.columns import Section, read_columns
from workers.replication.core.content import Content, Walk
from workers.replication.core.journal import Value, incarnation_of, read
from workers.replication.core.keys import is_sound
from workers.replication.core.messages import Values
from workers.replication.core.owners import Owners
from workers.replication.core.room import Room

PIECE_BYTES = 200_000


class Life(msgspec.Struct, frozen=True, array_like=True):
    """An owner and how far it is known."""

    name: str
    incarnation: int
    known: int
    told: int
    offset: float
    heard: float


class Head(msgspec.Struct, frozen=True, array_like=True, tag="head"):
    """Whose state it is, and when it was."""

    node: str
    incarnation: int
    now: float
    lives: list[Life]


class Part(msgspec.Struct, frozen=True, array_like=True, tag="part"):
    """Some of the cells of one owner."""

    life: int
    sections: list[Section]
    values: list[Values]


_ENCODER = msgspec.msgpack.Encoder()
_DECODER: msgspec.msgpack.Decoder[Head | Part] = msgspec.msgpack.Decoder(Head | Part)


def dump(content: Content, owners: Owners, now: float) -> Iterator[bytes]:
    """Return the head, then parts, of which some are empty: nobody waits long for the next."""
    lives = [one for one in owners.lives() if one is owners.mine or one.seen]
    told = [
        Life(*(one.name, one.incarnation, one.known), owners.told(one), one.offset, one.heard)
        for one in lives
    ]
    yield _ENCODER.encode(Head(owners.node, owners.mine.incarnation, now, told))
    for number, owner in enumerate(lives):
        walk = Walk(content, owner, is_whole=True)
        while not walk.is_done:
            sections, values = walk.next(Room(PIECE_BYTES), now)
            yield _ENCODER.encode(Part(number, sections, values))


def load(content: Content, owners: Owners, pieces: Iterable[bytes], now: float) -> None:
    """Take in a dump. Raises `ValueError` for what is none, with nothing of that piece taken."""
    head: Head | None = None
    for data in pieces:
        try:
            piece = _DECODER.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ValueError(f"no state of replication: {error}") from error
        if isinstance(piece, Head):
            head = piece
            _open(owners, head)
        elif head is None or not 0 <= piece.life < len(head.lives):
            raise ValueError("no state of replication: a part without its head")
        else:
            _take(content, owners, head, piece, now)


def replay(content: Content, owners: Owners, data: bytes, now: float) -> int:
    """Take in a journal of an earlier life; return how many records it had."""
    incarnation = incarnation_of(data)
    owner = owners.get(owners.node, incarnation) if incarnation is not None else None
    if owner is None or owner is owners.mine:
        return 0
    gauges: dict[tuple[str, bytes], int] = {}
    count = 0
    for record in read(data):
        count += 1
        if isinstance(record, int):
            owner.known = max(owner.known, record)
        elif isinstance(record, Value):
            _restore(content, record.table, [_entry(record)], now)
        elif not record.span:
            gauges[record.table, record.key] = record.value
        else:
            content.restore(record, owner, now)
    for (table, key), value in gauges.items():
        grid = content.gauges.get(table)
        if grid is not None and is_sound(key, grid.by_address):
            grid.own(key, value)
    if count:
        owner.known += 1
        owner.heard = max(owner.heard, now)
    return count


def _entry(record: Value) -> Entry:
    return Entry(record.key, record.value, record.clock, record.ends)


def _restore(content: Content, table: str, entries: Iterable[Entry], now: float) -> None:
    cache = content.caches.get(table)
    if cache is not None:
        for entry in entries:
            cache.restore(entry, now)


def _open(owners: Owners, head: Head) -> None:
    for life in head.lives:
        owner = owners.get(life.name, life.incarnation)
        if owner is None or owner is owners.mine:
            continue
        is_last = (life.name, life.incarnation) == (owners.node, head.incarnation)
        # Its last charges are in the dump, and may not have been told to anyone: one batch more.
        owner.known = max(owner.known, life.known + is_last)
        owner.assume(life.offset, life.heard)
        owners.floor(owner, life.told)
        owners.settle(owner)


def _take(content: Content, owners: Owners, head: Head, part: Part, now: float) -> None:
    life = head.lives[part.life]
    owner = owners.find(life.name, life.incarnation)
    if owner is None or owner is owners.mine:
        return
    if life.name != head.node or life.name != owners.node:
        content.take(part.sections, part.values, owner, life.known, now)
        return
    windows = [one for one in part.sections if one.span]
    content.take(windows, [], owner, life.known, now)
    is_last = life.incarnation == head.incarnation
    for section in part.sections:
        grid = content.gauges.get(section.table)
        if is_last and grid is not None and not section.span:
            for key, _bucket, value in read_columns(section, grid.by_address):
                grid.own(key, value)
    for values in part.values:
        _restore(content, values.table, values.entries, now)
