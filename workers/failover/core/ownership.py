"""Ownership: who holds each VIP by the heartbeats of the living, who should, and which are orphans.

Claims of a suspected owner count, but its VIPs are probed by the heir already; only a dead,
departed or silent-about-it owner makes a VIP an orphan. Invariant: epochs only grow.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from workers.failover.core.actions import Reason
from workers.failover.core.assignment import assign
from workers.failover.core.definitions import Definitions
from workers.failover.core.detector import Detector, Peer, Verdict
from workers.failover.core.holdings import Holdings
from workers.failover.core.messages import NodeState

ORPHAN_SECONDS = 1.0
ORPHAN_RANK_SECONDS = 0.3
"""An orphan silent for the first plus my rank times the second is anybody's to take."""
BUSY_SECONDS = 10.0
"""So long at most an heir that takes others first is waited for."""


@dataclass(slots=True)
class Orphan:
    """A VIP without a live owner that is another node's to take."""

    since: float
    silent_since: float


@dataclass(slots=True)
class Ownership:
    """What one node knows of the owners of all VIPs."""

    owners: dict[str, tuple[int, str]] = field(default_factory=dict)
    """VIP -> (epoch, node) by the highest claim of a live node, mine included."""
    last_owner: dict[str, str] = field(default_factory=dict)
    epochs: dict[str, int] = field(default_factory=dict)
    targets: dict[str, str] = field(default_factory=dict)
    orphans: dict[str, Orphan] = field(default_factory=dict)
    gained_at: dict[str, float] = field(default_factory=dict)
    """When each node last was heard to claim something new."""
    contested: dict[str, set[str]] = field(default_factory=dict)
    """VIP -> the live peers that claim it, where they are several and I am not among them."""
    contested_since: dict[str, float] = field(default_factory=dict)
    next_look: float = -math.inf
    """With thousands of VIPs: when to look again."""

    def note(self, node: str, claims: Mapping[str, int], now: float) -> None:
        """Remember what a node begins to claim, also for after its death."""
        if claims:
            self.gained_at[node] = now
        for vip, epoch in claims.items():
            self.last_owner[vip] = node
            self.epochs[vip] = max(epoch, self.epochs.get(vip, 0))

    def next_epoch(self, vip: str) -> int:
        """The epoch of a new taking: higher than any ever seen."""
        return self.epochs.get(vip, 0) + 1

    def collect(self, me: str, holdings: Holdings, detector: Detector) -> None:
        """Rebuild the owners from my kernel and the claims of live peers."""
        owners = {vip: (held.epoch, me) for vip, held in holdings.held.items()}
        contested: dict[str, set[str]] = {}
        for peer in detector.peers.values():
            if not peer.live or not peer.claims:
                continue
            if owners.keys().isdisjoint(peer.claims):
                owners.update({vip: (epoch, peer.name) for vip, epoch in peer.claims.items()})
            else:
                for vip, epoch in peer.claims.items():
                    best = owners.get(vip)
                    if best is not None and best[1] != me:
                        contested.setdefault(vip, {best[1]}).add(peer.name)
                    if best is None or (-epoch, peer.name) < (-best[0], best[1]):
                        owners[vip] = (epoch, peer.name)
        self.owners, self.contested = owners, contested

    def aim(
        self,
        weights: Mapping[str, int],
        definitions: Definitions,
        barred: Mapping[str, set[str]],
        coming: Mapping[str, str],
    ) -> None:
        """Recompute whose place each VIP is; `coming`: VIP -> node that is about to take it."""
        owners = {**coming, **{vip: node for vip, (_, node) in self.owners.items()}}
        self.targets = assign(weights, definitions.vips, owners, barred)

    def rank(self, me: str, weights: Mapping[str, int]) -> int:
        """My place among those who may take an orphan."""
        return sorted(weights).index(me) if me in weights else len(weights)

    def watch(self, vip: str, now: float) -> None:
        """Start to watch an orphan that is another's to take."""
        if vip not in self.orphans:
            self.orphans[vip] = Orphan(now, now)

    def overdue(self, vip: str, rank: int, now: float) -> bool:
        """Whether its heir left a VIP silent for too long, though it was not busy with others."""
        orphan = self.orphans.get(vip)
        if orphan is None:
            return False
        gained_at = self.gained_at.get(self.targets.get(vip, ""), -math.inf)
        busy_until = min(gained_at, orphan.since + BUSY_SECONDS)
        patience = ORPHAN_SECONDS + ORPHAN_RANK_SECONDS * rank
        return now - max(orphan.silent_since, busy_until) >= patience


def why(peer: Peer | None) -> Reason:
    """Why a VIP whose last owner was `peer` has none now."""
    if peer is None:
        return Reason.UNOWNED
    if peer.verdict in (Verdict.DEAD, Verdict.SUSPECTED):
        return Reason.OWNER_DIED
    if peer.verdict is Verdict.LEFT:
        return Reason.OWNER_LEFT
    return Reason.OWNER_DRAINS if peer.state is NodeState.DRAINING else Reason.OWNER_RELEASED
