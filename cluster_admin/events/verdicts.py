"""Whether a node lives: what the others say of it against what the manager hears from itself.

The newer evidence wins. The manager's silence alone proves nothing, since the manager may be the
one that is cut off: that is `unknown`. Times are monotonic seconds of the manager.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

from cluster_admin.events.opinions import Word

NEVER = -math.inf
FRESH_SECONDS = 3.0
"""A report younger than this shows that the agent lives; they come every second."""
ON_THE_WAY_SECONDS = 0.5
"""A report heard this soon after the others' word may have been sent before it."""
GRACE_SECONDS = 1.2
"""What a single voter says of a node is believed when the node has not spoken for this long."""


class Verdict(StrEnum):
    """How a node is, as the rows say it."""

    ALIVE = "alive"
    SUSPECTED = "suspected"
    DEAD = "dead"
    LEFT = "left"
    UNKNOWN = "unknown"

    @property
    def lives(self) -> bool:
        """Not declared dead: what it says it holds counts."""
        return self in (Verdict.ALIVE, Verdict.SUSPECTED)


@dataclass(frozen=True, slots=True)
class Own:
    """What the manager heard of the node itself."""

    heard_at: float = NEVER
    """When its agent last answered its reporter, as far as the reports say."""
    silent: bool = False
    """Its reporter says that the agent no longer answers."""

    def fresh(self, now: float) -> bool:
        """Whether the node itself shows that it lives."""
        return not self.silent and now - self.heard_at < FRESH_SECONDS


def judge(word: Word, own: Own, now: float) -> Verdict:
    """The verdict about one node."""
    fresh = own.fresh(now)
    if word.verdict == Verdict.ALIVE:
        return Verdict.ALIVE
    if word.verdict == "":
        return Verdict.ALIVE if fresh else Verdict.UNKNOWN
    if fresh and own.heard_at > word.since + ON_THE_WAY_SECONDS:
        return Verdict.ALIVE
    alone = word.verdict == Verdict.DEAD and word.voters == 1
    if alone and fresh and now - word.since < GRACE_SECONDS:
        return Verdict.SUSPECTED
    return Verdict(word.verdict)
