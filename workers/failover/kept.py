"""What the kernel has of this node's VIPs, as far as the plumber knows, and how sure it is. No I/O.

Also decided here: whether a VIP that vanished may be put back without asking the wire. It may only
if nobody else can have taken it: it was seen on the kernel less than half the time ago that any
taker has to find it silent for, its lease was renewed in time and cannot have ended since then.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from workers.failover.core.actions import DECISION_SECONDS
from workers.failover.core.definitions import Knobs

EARLY_SECONDS = 0.1
"""The kernel rounds lifetimes by some hundredths; nearer to its end a lease counts as over."""
PAUSE_SECONDS = 1.0
"""A VIP that vanishes again so soon after it was put back is not put back once more."""


@dataclass(slots=True)
class Kept:
    """VIPs and instants; instants are the node's monotonic seconds."""

    held: set[str] = field(default_factory=set)
    """VIPs the kernel has."""
    lasting: set[str] = field(default_factory=set)
    """Those of them without a lifetime of their own: they hang on an anchor."""
    renewed_at: dict[str, float] = field(default_factory=dict)
    """Just before the last renewal of each that has a lifetime of its own."""
    clear_at: float = -math.inf
    """Of all that the kernel changed until then it has told us."""
    _leased_at: float = -math.inf
    """Just before the last renewal."""
    _resumed_at: float = -math.inf
    """The last renewal before which the lease may have ended."""
    _restored_at: dict[str, float] = field(default_factory=dict)

    def forget(self, vips: Iterable[str]) -> None:
        """The kernel has them no longer."""
        for vip in vips:
            self.held.discard(vip)
            self.lasting.discard(vip)
            self.renewed_at.pop(vip, None)

    def renew(self, now: float, lease_seconds: float) -> None:
        """The lease is renewed at this instant."""
        if now - self._leased_at >= lease_seconds - EARLY_SECONDS:
            self._resumed_at = now
        self._leased_at = now

    def restorable(self, vip: str, now: float, knobs: Knobs) -> bool:
        """Whether a held VIP that the kernel no longer has was deleted by a hand just now."""
        own = math.inf if vip in self.lasting else self.renewed_at.get(vip, -math.inf)
        return (
            now - self.clear_at <= restore_seconds(knobs)
            and self._resumed_at < self.clear_at
            and now - self._leased_at <= 1.5 * knobs.heartbeat_interval
            and now - own < knobs.lease_ttl - EARLY_SECONDS
            and now - self._restored_at.get(vip, -math.inf) > PAUSE_SECONDS
        )

    def restored(self, vips: Iterable[str], now: float) -> None:
        """They were put back."""
        recent = now - PAUSE_SECONDS
        self._restored_at = {vip: at for vip, at in self._restored_at.items() if at > recent}
        self._restored_at.update((vip, now) for vip in vips)


def restore_seconds(knobs: Knobs) -> float:
    """How long after it was last seen a VIP may be put back: half of a taker's silence."""
    return min(DECISION_SECONDS, knobs.probe_count * knobs.probe_interval / 2)
