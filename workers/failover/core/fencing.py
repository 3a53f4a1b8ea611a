"""Fencing: may this node hold anything at all?

Evidence is the instant at which I *sent* the newest frame or heartbeat that somebody outside has
answered: counted from before sending, so it is never younger than what an heir knows of me.
Invariant: without evidence for `dead_after` less half an interval I am isolated and have let go,
strictly before anybody who counts from my last heartbeat can act. Under `quorum` the same instants
are counted per peer. What is let go, and how the wire is asked, is not decided here.
"""

import math

from workers.failover.core.actions import Reason
from workers.failover.core.definitions import Definitions, PartitionPolicy
from workers.failover.core.detector import Detector, Peer

ASK_INTERVALS = 1.25
"""Intervals without evidence after which the witnesses are asked: usually all that is needed."""
ASK_PEERS_INTERVALS = 1.75
"""Intervals without evidence after which the peers are asked too."""


class Fencing:
    """One node's entitlement."""

    def __init__(self, me: str, definitions: Definitions) -> None:
        self.me = me
        self.definitions = definitions
        self.witness_asked_at = -math.inf
        self.witness_at = -math.inf
        """When the newest question that a witness answered was asked."""
        self.spoken_at = -math.inf
        self._spoken_before = -math.inf
        self.proved_at = -math.inf
        """When I sent the last heartbeat before that question: what heirs count from."""
        self.trusted_at = -math.inf
        """Benefit of the doubt from this instant: the start of the agent."""

    @property
    def isolated_after(self) -> float:
        """Seconds without evidence after which this node is isolated."""
        knobs = self.definitions.knobs
        return knobs.dead_after - knobs.heartbeat_interval / 2

    @property
    def ask_after(self) -> float:
        """Seconds without evidence after which it is sought."""
        return ASK_INTERVALS * self.definitions.knobs.heartbeat_interval

    def ask_witness(self, now: float) -> None:
        """A witness is being asked."""
        self.witness_asked_at, self._spoken_before = now, self.spoken_at

    def witness_answered(self) -> None:
        """A witness answered: what I said before the newest question was heard outside."""
        self.witness_at, self.proved_at = self.witness_asked_at, self._spoken_before

    def evidence_at(self, detector: Detector) -> float:
        """When I sent the newest message that is known to have been received."""
        acknowledged = max((p.hears_me_at for p in detector.peers.values()), default=-math.inf)
        return max(acknowledged, self.proved_at, self.trusted_at)

    def objection(self, detector: Detector, now: float) -> Reason:
        """Why this node may hold nothing; NONE when it may."""
        if not detector.peers:
            return Reason.NONE
        if now >= self.evidence_at(detector) + self.isolated_after:
            return Reason.ISOLATED
        if self.definitions.knobs.partition_policy is PartitionPolicy.COVER:
            return Reason.NONE
        held_together = self._quorum(detector, now - self.isolated_after)
        return Reason.NONE if held_together else Reason.NO_QUORUM

    def _quorum(self, detector: Detector, since: float) -> bool:
        """More than half of the configured nodes have answered what I sent after `since`."""
        part = {self.me} | {p.name for p in detector.peers.values() if p.hears_me_at > since}
        configured = self.definitions.nodes
        if 2 * len(part) != len(configured):
            return 2 * len(part) > len(configured)
        return min(configured) in part and self.witness_at > since

    def may_take(self, detector: Detector, lease_from: float, now: float) -> bool:
        """Whether my part may take over from an owner last heard at `lease_from`.

        Under quorum it must be shown to hold together *after* that owner fell silent, and now.
        """
        knobs = self.definitions.knobs
        if not detector.peers or knobs.partition_policy is PartitionPolicy.COVER:
            return True
        fresh = now - knobs.probe_count * knobs.probe_interval
        silent_from = lease_from + detector.suspect_after
        return self._quorum(detector, max(silent_from, fresh) if silent_from < now else fresh)

    def sought_at(self, detector: Detector) -> float:
        """From when on witnesses, and then peers, are asked directly."""
        if not detector.peers:
            return math.inf
        if self.definitions.knobs.partition_policy is PartitionPolicy.COVER:
            return self.evidence_at(detector) + self.ask_after
        acknowledged = [p.hears_me_at for p in detector.peers.values() if p.live]
        if self.definitions.witnesses:
            acknowledged.append(self.witness_at)
        return min([*acknowledged, self.evidence_at(detector)]) + self.ask_after

    def asked_from(self, peer: Peer, detector: Detector) -> float:
        """From when on this peer is asked directly to say whether it hears me."""
        knobs = self.definitions.knobs
        if knobs.partition_policy is PartitionPolicy.QUORUM:
            return peer.hears_me_at + self.ask_after
        patience = ASK_PEERS_INTERVALS if self.definitions.witnesses else ASK_INTERVALS
        return self.evidence_at(detector) + patience * knobs.heartbeat_interval

    def expires_at(self, detector: Detector, now: float) -> float:
        """When the entitlement may end if nothing more is heard."""
        if not detector.peers:
            return math.inf
        if self.definitions.knobs.partition_policy is PartitionPolicy.COVER:
            return self.evidence_at(detector) + self.isolated_after
        counted = [*(p.hears_me_at for p in detector.peers.values()), self.witness_at]
        ends = [at + self.isolated_after for at in [*counted, self.evidence_at(detector)]]
        return min((end for end in ends if end > now), default=math.inf)
