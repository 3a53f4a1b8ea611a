"""The view: who is a member with me, do all members agree, and for how long has it stood.

A peer is a member while it lives *and hears me*: a node that hears others without being heard has
no members, and so no evidence that it may hold anything.
"""

from zlib import crc32

from workers.failover.core.detector import Detector, Peer

TWO_WAY_INTERVALS = 2
"""Heartbeat intervals beyond dead_after that an acknowledgement may be old: two hops of news."""


class View:
    """The members of one node's part of the subcluster, itself included."""

    def __init__(self, me: str) -> None:
        self.me = me
        self.members: tuple[str, ...] = (me,)
        self.hash = ""
        self.changed_at = 0.0

    def member(self, peer: Peer, detector: Detector, now: float) -> bool:
        """Two-way: it lives, and it has lately heard me."""
        return peer.live and now < peer.hears_me_at + self.patience(detector)

    @staticmethod
    def patience(detector: Detector) -> float:
        """For how long a member may not have heard me."""
        return detector.dead_after + TWO_WAY_INTERVALS * detector.interval

    def update(self, incarnation: int, detector: Detector, now: float) -> bool:
        """Recompute the members; True if they changed (a restarted peer is a change)."""
        marks = {self.me: incarnation}
        for peer in detector.peers.values():
            if self.member(peer, detector, now):
                marks[peer.name] = peer.incarnation
        text = " ".join(f"{name}:{marks[name]}" for name in sorted(marks))
        fresh = f"{crc32(text.encode()):08x}"
        if fresh == self.hash:
            return False
        self.members, self.hash, self.changed_at = tuple(sorted(marks)), fresh, now
        return True

    def agreed(self, detector: Detector) -> bool:
        """Every member reports the same view."""
        others = [detector.peers.get(member) for member in self.members if member != self.me]
        return all(peer is not None and peer.view == self.hash for peer in others)

    def mature(self, detector: Detector, mature_seconds: float, now: float) -> bool:
        """Agreed and unchanged for long enough to move VIPs without need."""
        return self.agreed(detector) and now - self.changed_at >= mature_seconds
