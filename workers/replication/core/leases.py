"""Open connections that MTAs have told of: each is counted until it is released, or forgotten.

A lease that nobody renews ends by itself, so what a dead MTA held does not count for ever. Each is
given back once, whoever says so and however often; gauges are changed here and nowhere else. Pure.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from workers.replication.core.definitions import TableType
from workers.replication.core.verdicts import Gauge

LEASES_MAX = 200_000
TTL_SECONDS = (1.0, 86_400.0)
USUAL_TTL_SECONDS = 60.0

Cell = tuple[TableType, str]
"""Where a lease counts: the type of the table, and the key."""


@dataclass(slots=True)
class Lease:
    """So many connections, in some cells, until it ends; `ttl` is what a renewal gives."""

    name: str
    cells: tuple[Cell, ...]
    count: int
    ttl: float
    ends_at: float


class Leases:
    """The leases of one node. Names have the node and the time in them: no two lives share any."""

    def __init__(self, prefix: str, gauge: Callable[[TableType, str], Gauge]) -> None:
        self._prefix = prefix
        self._gauge = gauge
        self._number = 0
        self._held: dict[str, Lease] = {}
        self._ends: list[tuple[float, str]] = []
        self.told: Callable[[Lease, bool], None] | None = None
        """Hears of each lease that changes, and whether it is held: to be written down."""
        self.ended = 0
        """How many were not renewed in time."""

    def __len__(self) -> int:
        return len(self._held)

    @property
    def is_full(self) -> bool:
        """Whether no more are given."""
        return len(self._held) >= LEASES_MAX

    def acquire(self, cells: Sequence[Cell], count: int, ttl: float, now: float) -> Lease:
        """Count `count` connections in `cells`; the caller has looked at limits and `is_full`."""
        lease = Lease(self._name(now), tuple(cells), count, ttl, now + ttl)
        self._hold(lease)
        self._charge(lease, count)
        self._tell(lease, True)
        return lease

    def release(self, name: str) -> bool:
        """Give a lease back; False if there is none of this name (any more)."""
        lease = self._held.pop(name, None)
        if lease is None:
            return False
        self._charge(lease, -lease.count)
        self._tell(lease, False)
        return True

    def renew(self, name: str, ttl: float | None, now: float) -> Lease | None:
        """Let a lease last `ttl` seconds from now, or what it was given; None if there is none."""
        lease = self._held.get(name)
        if lease is None:
            return None
        lease.ttl = ttl or lease.ttl
        lease.ends_at = now + lease.ttl
        self._expect(lease)
        self._tell(lease, True)
        return lease

    def end(self, now: float) -> int:
        """Give back what was not renewed; return how many."""
        ended = 0
        while self._ends and self._ends[0][0] <= now:
            at, name = heapq.heappop(self._ends)
            lease = self._held.get(name)
            if lease is not None and lease.ends_at <= now and lease.ends_at == at:
                ended += self.release(name)
        self.ended += ended
        return ended

    def next_end(self) -> float | None:
        """Return when the next lease may end."""
        return self._ends[0][0] if self._ends else None

    def dump(self) -> Iterator[Lease]:
        """Return all, to be written down."""
        yield from self._held.values()

    def load(self, leases: Iterable[Lease], *, charge: bool) -> None:
        """Take over what an earlier life held; `charge` where its gauges were not kept."""
        for lease in leases:
            if lease.name not in self._held:
                self._hold(lease)
                if charge:
                    self._charge(lease, lease.count)

    def _name(self, now: float) -> str:
        while True:
            self._number += 1
            name = f"{self._prefix}-{int(now * 1_000):x}-{self._number:x}"
            if name not in self._held:
                return name

    def _hold(self, lease: Lease) -> None:
        self._held[lease.name] = lease
        self._expect(lease)

    def _tell(self, lease: Lease, is_held: bool) -> None:
        if self.told is not None:
            self.told(lease, is_held)

    def _expect(self, lease: Lease) -> None:
        heapq.heappush(self._ends, (lease.ends_at, lease.name))
        if len(self._ends) > 1_024 and len(self._ends) > 4 * len(self._held):
            self._ends = [(one.ends_at, one.name) for one in self._held.values()]
            heapq.heapify(self._ends)

    def _charge(self, lease: Lease, count: int) -> None:
        for table, key in lease.cells:
            self._gauge(table, key).add(count)
