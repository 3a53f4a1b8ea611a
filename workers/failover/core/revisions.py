"""Revisions: which definitions a node acts on. The acted revision never goes back.

A new revision is acted on when every live peer has it, or after `definition_wait`; a node that
still lacks it then is no heir for what changed.
"""

import math

from workers.failover.core.definitions import Definitions, Vip
from workers.failover.core.detector import Detector

HAND_SECONDS = 1.0
"""A peer that lacks my newest revision is handed the same one at most this often."""


class Revisions:
    """The acted definitions and those that wait."""

    def __init__(self, definitions: Definitions) -> None:
        self.acted = definitions
        self.pending: Definitions | None = None
        self.pending_since = math.inf
        self.acted_at = -math.inf
        """When the acted revision was switched to; never for the first."""
        self.changed_at: dict[str, int] = {}
        """VIP -> revision that last changed it, as far as this node saw."""
        self._handed: dict[str, tuple[int, float]] = {}
        """Peer -> (revision it was last handed, when)."""

    @property
    def known(self) -> int:
        """Newest revision on this node's disk."""
        return (self.pending or self.acted).revision

    def offer(self, definitions: Definitions, now: float) -> bool:
        """Take in a file; False if it is not newer than what is known."""
        if definitions.revision <= self.known:
            return False
        if self.pending is None:
            self.pending_since = now
        self.pending = definitions
        return True

    def deadline(self) -> float:
        """When the wait for the others ends."""
        if self.pending is None:
            return math.inf
        return self.pending_since + self.acted.knobs.definition_wait

    def switch(self, detector: Detector, now: float) -> Definitions | None:
        """The definitions to act on from now; None while the old ones stand."""
        pending = self.pending
        if pending is None:
            return None
        lacking = any(
            p.live and p.known_revision < pending.revision for p in detector.peers.values()
        )
        if lacking and now < self.deadline():
            return None
        for vip in pending.vips:
            if _moved(self.acted.vips.get(vip), pending.vips[vip]):
                self.changed_at[vip] = pending.revision
        self.changed_at = {v: r for v, r in self.changed_at.items() if v in pending.vips}
        self.acted, self.pending, self.pending_since = pending, None, math.inf
        self.acted_at = now
        return pending

    def moved_at(self, revision: int) -> list[str]:
        """VIPs whose place that revision changed."""
        return [vip for vip, changed in self.changed_at.items() if changed == revision]

    def barred(self, detector: Detector) -> dict[str, set[str]]:
        """VIP -> live peers that lack the revision which last changed it."""
        barred: dict[str, set[str]] = {}
        for peer in detector.peers.values():
            if peer.live and peer.known_revision < self.acted.revision:
                for vip, revision in self.changed_at.items():
                    if peer.known_revision < revision:
                        barred.setdefault(vip, set()).add(peer.name)
        return barred

    def hand(self, peer: str, known_revision: int, now: float) -> bool:
        """Whether to hand my newest file to a peer that knows `known_revision`."""
        if known_revision >= self.known:
            return False
        revision, at = self._handed.get(peer, (-1, -math.inf))
        if revision == self.known and now - at < HAND_SECONDS:
            return False
        self._handed[peer] = (self.known, now)
        return True


def _moved(before: Vip | None, after: Vip) -> bool:
    """Whether a new definition may change where a VIP belongs."""
    return before is None or (before.prefer, before.follow) != (after.prefer, after.follow)
