"""Replicas with one of their safeguards taken out: the simulation must notice each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.simulation.replicas import Host
from workers.replication.core.caches import Cache, Entry, Held
from workers.replication.core.definitions import Table
from workers.replication.core.exchange import Exchange
from workers.replication.core.messages import Delta, Message, Vector
from workers.replication.core.owners import Owner, Owners
from workers.replication.core.tables import Tables


class Changed(Tables):
    """A replica whose owners or exchange are other ones."""

    owners_type: type[Owners] = Owners
    exchange_type: type[Exchange] = Exchange

    def __init__(self, node: str, tables: Sequence[Table], **rest: Any) -> None:
        super().__init__(node, tables, **rest)
        self.owners.__class__ = self.owners_type
        self.exchange.__class__ = self.exchange_type


class Maskless(Owners):
    """Counts gauges of whoever is dead or starts anew."""

    def _mask(self) -> bool:
        return False


class Floorless(Owners):
    """Keeps gauges that a snapshot did not name."""

    def floor(self, owner: Owner, upto: int) -> None:
        """Nothing."""


class Timeless(Owners):
    """Takes everyone's clock for its own."""

    def get(self, name: str, incarnation: int) -> Owner | None:
        """Return an owner whose clock is ours."""
        found = super().get(name, incarnation)
        if found is not None:
            found.__class__ = OfOurTime
        return found


class OfOurTime(Owner):
    """Has no other clock."""

    __slots__ = ()

    def hear(self, its_now: float, now: float, spoke: float | None = None) -> None:
        """Hear nothing of its clock."""
        self.heard = now


class Trusting(Exchange):
    """Believes that nothing is lost."""

    def _take_delta(self, delta: Delta, now: float) -> list[Message]:
        owner = self.owners.get(delta.owner, delta.incarnation)
        if owner is not None and owner is not self.owners.mine:
            owner.known = max(owner.known, delta.since)
        return super()._take_delta(delta, now)


class Incurious(Exchange):
    """Asks only where there is a hole."""

    def _take_vector(self, vector: Vector, now: float) -> list[Message]:
        super()._take_vector(vector, now)
        return []


class WithoutMasks(Changed):
    """No masks."""

    owners_type = Maskless


class WithoutFloors(Changed):
    """No floors."""

    owners_type = Floorless


class WithoutOffsets(Changed):
    """No offsets."""

    owners_type = Timeless


class WithoutHoles(Changed):
    """No holes."""

    exchange_type = Trusting


class WithoutVectors(Changed):
    """No vectors."""

    exchange_type = Incurious


class LastTaken(Cache):
    """The last value that came wins, not the last that was written."""

    def take(self, entry: Entry, owner: Owner, now: float) -> bool:
        """Take in anything."""
        self._set(entry.key, Held(entry.value, entry.clock, owner.index, entry.ends + owner.offset))
        return True


class WithoutClocks(Tables):
    """No hybrid clock."""

    def __init__(self, node: str, tables: Sequence[Table], **rest: Any) -> None:
        super().__init__(node, tables, **rest)
        for cache in self.content.caches.values():
            cache.__class__ = LastTaken


class Forgetful(Host):
    """Starts without its journals."""

    def start(self) -> None:
        self.disk.journals = []
        super().start()


class Unborn(Host):
    """Starts as who it was before."""

    def start(self) -> None:
        self.disk.incarnation = 0
        super().start()


MAKES: dict[str, type[Tables]] = {
    "masks": WithoutMasks,
    "floors": WithoutFloors,
    "offsets": WithoutOffsets,
    "holes": WithoutHoles,
    "vectors": WithoutVectors,
    "clocks": WithoutClocks,
}
HOSTS: dict[str, type[Host]] = {"journals": Forgetful, "incarnations": Unborn}
