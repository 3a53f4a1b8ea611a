"""The voice of a node: numbers, dates and fills its heartbeats, and knows when it sent which.

Invariant: the pair (incarnation, sequence) is never used twice; the instant remembered for a
sequence is that *before* it was sent.
"""

from collections import OrderedDict

from workers.failover.core.detector import Detector
from workers.failover.core.holdings import Holdings
from workers.failover.core.messages import Heard, Heartbeat, NodeState

REMEMBERED_SEQUENCES = 256
FULL_CLAIMS_SENDS = 3
"""Heartbeats after a change of the claims that carry them in full."""
FULL_CLAIMS_EVERY = 5
"""Beyond that, every so many heartbeats do."""


class Voice:
    """What this node says of itself."""

    def __init__(self, me: str, incarnation: int, macs: tuple[str, ...]) -> None:
        self.me = me
        self.incarnation = incarnation
        self.macs = macs
        self.sequence = 0
        self.clock = 0
        self.full_left = FULL_CLAIMS_SENDS
        self._digest = -1
        self._sent: OrderedDict[int, float] = OrderedDict()

    def reincarnate(self, incarnation: int) -> None:
        """Start anew above an incarnation that others have seen of me."""
        self.incarnation, self.sequence = incarnation, 0
        self._sent.clear()

    def sent_at(self, incarnation: int, sequence: int) -> float | None:
        """When I sent this heartbeat; None if it is not mine or too old to remember."""
        return self._sent.get(sequence) if incarnation == self.incarnation else None

    def heartbeat(
        self,
        now: float,
        *,
        state: NodeState,
        revisions: tuple[int, int],
        view: str,
        detector: Detector,
        holdings: Holdings,
        cannot: tuple[str, ...],
        late: bool,
        asks: bool = False,
        full: bool = False,
    ) -> Heartbeat:
        """The next heartbeat; `revisions` are (acted, known)."""
        self.sequence += 1
        self._sent[self.sequence] = now
        if len(self._sent) > REMEMBERED_SEQUENCES:
            self._sent.popitem(last=False)
        return Heartbeat(
            node=self.me,
            incarnation=self.incarnation,
            sequence=self.sequence,
            sent_at=now,
            clock=self.clock,
            state=state,
            revision=revisions[0],
            known_revision=revisions[1],
            view=view,
            macs=self.macs,
            heard=tuple(
                Heard(p.name, *p.told, max(0, round((now - p.heard_at) * 1000)))
                for p in detector.peers.values()
                if p.told[1] >= 0
            ),
            claims=holdings.claims() if self._full(holdings.digest, full) else None,
            digest=holdings.digest,
            cannot=cannot,
            late=late,
            asks=asks,
        )

    def _full(self, digest: int, asked: bool) -> bool:
        if digest != self._digest:
            self._digest, self.full_left = digest, FULL_CLAIMS_SENDS
        fresh = self.full_left > 0
        self.full_left -= self.full_left > 0
        return asked or fresh or self.sequence % FULL_CLAIMS_EVERY == 0
