"""Values by key that the last writer sets, on any node, whatever the clocks say.

A hybrid logical clock orders writes: milliseconds of the writer's time in the upper bits, a counter
in the lower 16, and never less than any clock heard; a tie goes to the greater name. Invariant: who
took the same writes in any order has the same values. A value ends at its time, but its clock stays
so that nothing older comes back; when there are too many, the least recently used go.
"""

from collections import OrderedDict
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from workers.replication.core.definitions import Table
from workers.replication.core.journal import Journal
from workers.replication.core.keys import KEY_BYTES, packed, unpacked
from workers.replication.core.owners import Owner, Owners
from workers.replication.core.room import Room

VALUE_BYTES = 16_384
TTL_SECONDS = 3_600.0
LOGICAL_BITS = 16


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """A value on its way. `ends`: in the time of the owner who set it."""

    key: bytes
    value: bytes
    clock: int
    ends: float


class Held(NamedTuple):
    """A value here. `ends`: in our time. `owner`: index of who set it."""

    value: bytes
    clock: int
    owner: int
    ends: float


class Cache:
    """The values of one table."""

    def __init__(self, table: Table, owners: Owners) -> None:
        self.table, self.owners = table, owners
        self.held: OrderedDict[bytes, Held] = OrderedDict()
        self.clock = 0
        self.dirty: dict[bytes, None] = {}
        self.is_lost = False
        """Whether more changed than a batch can tell: then peers take a snapshot."""
        self.changes = 0
        self.evicted = 0
        self.first_change: float | None = None
        self.journal: Journal | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether something waits for the next batch."""
        return bool(self.dirty or self.is_lost)

    def get(self, key: str, now: float) -> bytes | None:
        """Return the value, which counts as used; None where there is none, or none any more."""
        raw = packed(key, False)
        found = self.held.get(raw)
        if found is None:
            return None
        if found.ends <= now:
            self.held[raw] = found._replace(value=b"")
            return None
        self.held.move_to_end(raw)
        return found.value

    def put(self, key: str, value: bytes, now: float, ttl: float) -> None:
        """Set a value for `ttl` seconds. Raises `ValueError` for one that is too long."""
        if len(value) > VALUE_BYTES:
            raise ValueError(f"{len(value)} bytes are no value of a cache; at most {VALUE_BYTES}")
        raw = packed(key, False)
        self.clock = max(self.clock + 1, max(0, int(now * 1000)) << LOGICAL_BITS)
        self._set(raw, Held(value, self.clock, 0, now + ttl))
        self._mark(raw)
        self.changes += 1
        if self.first_change is None:
            self.first_change = now
        if self.journal is not None:
            self.journal.value(self.table.name, raw, self.clock, now + ttl, value)

    def restore(self, entry: Entry, now: float) -> None:
        """Take in what an earlier life of this node set: from now on it is of this one."""
        self.take(entry, self.owners.mine, now)
        self._mark(entry.key)

    def flush(self, room: Room) -> list[Entry]:
        """Return own values that changed, as many as there is room for."""
        found: list[Entry] = []
        for key in list(self.dirty):
            held = self.held.get(key)
            if held is not None and not held.owner:
                if not room.take(len(key) + len(held.value) + 32):
                    break
                found.append(Entry(key, held.value, held.clock, held.ends))
            del self.dirty[key]
        if not self.dirty:
            self.changes, self.first_change = 0, None
        return found

    def walk(self, keys: list[bytes], owner: Owner, room: Room) -> tuple[list[Entry], int]:
        """Return what `owner` set last of `keys`, and how many of them there was room for."""
        found: list[Entry] = []
        at = 0
        while at < len(keys):
            held = self.held.get(keys[at])
            if held is not None and held.owner == owner.index:
                if not room.take(len(keys[at]) + len(held.value) + 32):
                    break
                found.append(Entry(keys[at], held.value, held.clock, held.ends - owner.offset))
            at += 1
        return found, at

    def take(self, entry: Entry, owner: Owner, now: float) -> bool:
        """Take in what `owner` set, if it is newer; return whether it is a value at all."""
        if len(entry.value) > VALUE_BYTES or len(entry.key) > KEY_BYTES or entry.clock >> 63:
            return False
        self.clock = max(self.clock, entry.clock)
        ends = entry.ends + owner.offset
        held = self.held.get(entry.key)
        if held is not None and self._order(held) >= (entry.clock, owner.name, owner.incarnation):
            return True
        value = entry.value if ends > now else b""
        self._set(entry.key, Held(value, entry.clock, owner.index, ends))
        return True

    def keys(self) -> list[bytes]:
        """Every key as of now."""
        return list(self.held)

    def rows(self, now: float) -> Iterator[tuple[str, bytes, str]]:
        """Every key, its value, and the node that set it."""
        for key, held in self.held.items():
            if held.ends > now:
                yield unpacked(key, False), held.value, self.owners.every[held.owner].name

    def _order(self, held: Held) -> tuple[int, str, int]:
        owner = self.owners.every[held.owner]
        return held.clock, owner.name, owner.incarnation

    def _mark(self, key: bytes) -> None:
        self.dirty[key] = None
        if len(self.dirty) > self.table.max_size:
            self.dirty.clear()
            self.is_lost = True

    def _set(self, key: bytes, held: Held) -> None:
        self.held[key] = held
        self.held.move_to_end(key)
        while len(self.held) > self.table.max_size:
            self.held.popitem(last=False)
            self.evicted += 1
