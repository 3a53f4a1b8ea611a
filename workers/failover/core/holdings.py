"""Holdings: the VIPs this node's kernel lists, with epoch, reason and the duties they bring.

Duties: announce after taking, after healing and slowly for ever; probe while on probation; give way
to a higher claim. What the kernel lists comes in from outside; nothing here believes it holds a VIP
that the kernel did not confirm.
"""

import heapq
import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from workers.failover.core.actions import Reason
from workers.failover.core.claims import Claims
from workers.failover.core.messages import Claim

ANNOUNCE_OFFSETS = (0.0, 0.05, 0.2, 0.5, 1.0)
"""Seconds after the cause at which VIPs are announced; `announce_count` cuts or extends."""


ANNOUNCE_VIPS = 512
ANNOUNCE_SPACING_SECONDS = 0.02
"""So many VIPs are announced together; before more are, so long passes."""


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
    changed: set[str] = field(default_factory=set)
    """VIPs of which the claim changed since the voice last asked."""
    announcements: list[tuple[float, tuple[str, ...]]] = field(default_factory=list)
    announced_until: float = -math.inf
    """Nothing more is announced before this instant."""
    _vips: tuple[str, ...] = ()
    _vips_of: int = 0
    """The version of `claimed` when `_vips` were all that was held."""

    @property
    def vips(self) -> tuple[str, ...]:
        """All that is held; of thousands the list is not made at each renewal."""
        if self._vips_of != self.claimed.version:
            self._vips, self._vips_of = tuple(self.held), self.claimed.version
        return self._vips

    def add(self, held: Held) -> None:
        """The kernel lists it."""
        self.held[held.vip] = held
        self.claimed.put(held.vip, held.epoch)
        self.changed.add(held.vip)

    def drop(self, vips: Iterable[str]) -> list[Held]:
        """The kernel lists them no longer; returns those that were held."""
        dropped = [self.held.pop(vip) for vip in tuple(vips) if vip in self.held]
        for held in dropped:
            self.claimed.drop(held.vip)
            self.changed.add(held.vip)
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

    def announce(self, vips: Iterable[str], count: int, now: float, *, done: int = 0) -> None:
        """Have `vips` announced `count` times over the next second, instead of what was planned.

        `done`: how many of these have just been made.
        """
        batch = tuple(vips)
        fresh = set(batch)
        self.announcements = [due for due in self.announcements if not fresh.issuperset(due[1])]
        heapq.heapify(self.announcements)
        for number in range(done, count if batch else 0):
            late = max(0, number + 1 - len(ANNOUNCE_OFFSETS))
            offset = ANNOUNCE_OFFSETS[min(number, len(ANNOUNCE_OFFSETS) - 1)] + 0.5 * late
            heapq.heappush(self.announcements, (now + offset, batch))

    def remind(self, now: float) -> None:
        """Have everything announced once, beside what is planned."""
        if self.held:
            heapq.heappush(self.announcements, (now, tuple(self.held)))

    def due(self, now: float) -> tuple[str, ...]:
        """VIPs to announce now, each once, only those still held; of many, some at a time."""
        vips: dict[str, None] = {}
        while self.deadline() <= now:
            at, batch = heapq.heappop(self.announcements)
            room = ANNOUNCE_VIPS - len(vips)
            vips.update(dict.fromkeys(batch[:room]))
            if len(batch) > room:
                heapq.heappush(self.announcements, (at, batch[room:]))
            if len(vips) >= ANNOUNCE_VIPS:
                self.announced_until = now + ANNOUNCE_SPACING_SECONDS
        return tuple(vip for vip in vips if vip in self.held)

    def deadline(self) -> float:
        """When something is to be announced."""
        if not self.announcements:
            return math.inf
        return max(self.announcements[0][0], self.announced_until)

    def on_probation(self, now: float) -> list[Held]:
        """VIPs whose old owner never said goodbye and may yet hold them."""
        return [held for held in self.held.values() if held.probation_until > now]
