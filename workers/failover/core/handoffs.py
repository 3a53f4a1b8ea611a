"""Handoffs: the planned moves that a node takes part in, as giver and as heir. Values only.

What heartbeats say of them is said here; what is done with them is decided in `handoff`.
"""

import math
from dataclasses import dataclass, field

from workers.failover.core.actions import Reason
from workers.failover.core.messages import Claim, Offer, Why


@dataclass(slots=True)
class Giving:
    """A VIP of mine on its way to `heir`."""

    vip: str
    epoch: int
    heir: str
    why: Why
    since: float
    """When it was offered, or released."""
    released: bool = False

    def offer(self) -> Offer:
        """As heartbeats say it."""
        return Offer(self.vip, self.epoch, self.heir, self.why.value)


@dataclass(slots=True)
class Arming:
    """A VIP that I said I would take from `giver` as soon as it lets go."""

    vip: str
    epoch: int
    giver: str
    reason: Reason
    at: float
    released_at: float = math.inf
    """When the giver sent word that it let go."""


@dataclass(slots=True)
class Handoffs:
    """All planned moves that this node takes part in."""

    giving: dict[str, Giving] = field(default_factory=dict)
    arming: dict[str, Arming] = field(default_factory=dict)
    came_at: dict[str, float] = field(default_factory=dict)
    """When each VIP of mine came by handoff."""
    distrusted: dict[str, float] = field(default_factory=dict)
    """Heirs that did not take what they were armed for -> until when."""
    told: dict[str, tuple[Offer, ...]] = field(default_factory=dict)
    """What each peer says that it released."""

    def clear(self) -> None:
        """My loop stood still, or I may hold nothing: no old word counts any more."""
        self.arming.clear()
        self.giving = {vip: one for vip, one in self.giving.items() if one.released}

    def offers(self) -> tuple[Offer, ...]:
        """What I would hand over."""
        return tuple(one.offer() for one in self.giving.values() if not one.released)

    def released(self) -> tuple[Offer, ...]:
        """What I handed over, and nobody owns yet."""
        return tuple(one.offer() for one in self.giving.values() if one.released)

    def armed(self) -> tuple[Claim, ...]:
        """What I take once it is released."""
        return tuple(Claim(one.vip, one.epoch) for one in self.arming.values())
