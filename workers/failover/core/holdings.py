"""Holdings: the VIPs this node's kernel lists, with epoch, reason and the duties they bring.

Duties: announce after taking, after healing and slowly for ever; probe while on probation; give way
to a higher claim. What the kernel lists comes in from outside; nothing here believes it holds a VIP
that the kernel did not confirm.
"""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field

from workers.failover.core.actions import Reason
from workers.failover.core.claims import Claims, bucket_of
from workers.failover.core.messages import Claim

ANNOUNCE_OFFSETS = (0.0, 0.05, 0.2, 0.5, 1.0)
"""Seconds after the cause at which VIPs are announced; `announce_count` cuts or extends."""


@dataclass(slots=True)
class Held:
    """One VIP of mine. `since` is this node's monotonic clock."""

    vip: str
    epoch: int
    since: float
    reason: Reason
    previous: str = ""
    probation_until: float = 0.0
    unserved_since: float | None = None
    """When somebody was last known to serve it before me."""
    ignored: frozenset[str] = frozenset()
    """Link addresses that answer broadcasts for it, but are silent when asked directly."""
    announced_at: float = -1.0
    defended_at: float = -60.0


@dataclass(slots=True)
class Holdings:
    """All VIPs held, and when which are to be announced."""

    held: dict[str, Held] = field(default_factory=dict)
    claimed: Claims = field(default_factory=Claims)
    changed: set[int] = field(default_factory=set)
    """Buckets of `claimed` that changed since the voice last asked."""
    announcements: list[tuple[float, tuple[str, ...]]] = field(default_factory=list)

    def add(self, held: Held) -> None:
        """The kernel lists it."""
        self.held[held.vip] = held
        self.claimed.put(held.vip, held.epoch)
        self.changed.add(bucket_of(held.vip))

    def drop(self, vips: Iterable[str]) -> list[Held]:
        """The kernel lists them no longer; returns those that were held."""
        dropped = [self.held.pop(vip) for vip in tuple(vips) if vip in self.held]
        for held in dropped:
            self.claimed.drop(held.vip)
            self.changed.add(bucket_of(held.vip))
        return dropped

    @property
    def digest(self) -> int:
        """Checksum of the claims."""
        return self.claimed.digest

    def claims(self, buckets: Iterable[int] | None = None) -> tuple[Claim, ...]:
        """What heartbeats say of these buckets; of all when None."""
        told = self.claimed.table if buckets is None else self.claimed.of(buckets)
        return tuple(Claim(vip, epoch) for vip, epoch in sorted(told.items()))

    def loses(self, vip: str, epoch: int, rival: str, me: str) -> bool:
        """Whether my claim on `vip` gives way: the higher epoch keeps, then the lower name."""
        mine = self.held[vip].epoch
        return epoch > mine or (epoch == mine and rival < me)

    def announce(self, vips: Iterable[str], count: int, now: float) -> None:
        """Have `vips` announced `count` times over the next second, instead of what was planned."""
        batch = tuple(vips)
        fresh = set(batch)
        self.announcements = [due for due in self.announcements if not fresh.issuperset(due[1])]
        heapq.heapify(self.announcements)
        for number in range(count if batch else 0):
            late = max(0, number + 1 - len(ANNOUNCE_OFFSETS))
            offset = ANNOUNCE_OFFSETS[min(number, len(ANNOUNCE_OFFSETS) - 1)] + 0.5 * late
            heapq.heappush(self.announcements, (now + offset, batch))

    def due(self, now: float) -> tuple[str, ...]:
        """VIPs to announce now, each once, only those still held."""
        vips: dict[str, None] = {}
        while self.announcements and self.announcements[0][0] <= now:
            vips.update(dict.fromkeys(heapq.heappop(self.announcements)[1]))
        return tuple(vip for vip in vips if vip in self.held)

    def on_probation(self, now: float) -> list[Held]:
        """VIPs whose old owner never said goodbye and may yet hold them."""
        return [held for held in self.held.values() if held.probation_until > now]
