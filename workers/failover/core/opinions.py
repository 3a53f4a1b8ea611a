"""The second opinion: one other live member, asked to probe too, must say the same.

One question is under way at a time, for all VIPs that want one. A helper that does not answer in
`helper_seconds` is passed over; when every helper was tried, or none lives, the opinion is waived:
a helper that cannot speak is not a live member. Whether that is enough the caller says.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from workers.failover.core.actions import Send
from workers.failover.core.messages import Opinion, Question
from workers.failover.core.outbox import Outbox
from workers.failover.core.rounds import ROUND_VIPS

HELPER_SECONDS = 0.12
"""What one helper is given at least."""
WAY_SECONDS = 0.06
"""For the way of a question there and of its answer back, and for what the helper does besides."""
FRESH_HELPERS = 2.5
"""An opinion counts from its question for as long as so many helpers may take: half of it passes
before it is asked for again, and the new one is there before the old one ends."""


def helper_seconds(probe_interval: float) -> float:
    """How long one helper may take: the round it has under way, one for us, and the way."""
    return max(HELPER_SECONDS, 2 * probe_interval + WAY_SECONDS)


def opinion_seconds(probe_interval: float) -> float:
    """How long an opinion counts from its question."""
    return FRESH_HELPERS * helper_seconds(probe_interval)


@dataclass(slots=True)
class Asked:
    """The question under way."""

    number: int
    helper: str
    vips: frozenset[str]
    at: float
    until: float
    """When the helper is passed over."""


class Opinions:
    """Questions a taker puts to its helpers."""

    def __init__(self, me: str) -> None:
        self.me = me
        self.asked: Asked | None = None
        self.number = 0
        self.tried: set[str] = set()

    def deadline(self) -> float:
        """When the helper asked is passed over."""
        return self.asked.until if self.asked else float("inf")

    def step(
        self,
        now: float,
        wanting: Sequence[str],
        helpers: Collection[str],
        probe_interval: float,
        outbox: Outbox,
    ) -> bool:
        """Ask the next helper about `wanting`; True when the opinion is waived for them."""
        if self.asked and now >= self.deadline():
            self.tried.add(self.asked.helper)
            self.asked = None
        if not wanting:
            self.tried.clear()
            return False
        if self.asked:
            return False
        # The next by name after mine: takers of one owner's VIPs do not all ask the same helper.
        untried = [h for h in helpers if h not in self.tried]
        helper = min(untried, key=lambda h: (h < self.me, h), default=None)
        if helper is None:
            self.tried.clear()
            return True
        self.number += 1
        vips = tuple(wanting[:ROUND_VIPS])
        until = now + helper_seconds(probe_interval)
        self.asked = Asked(self.number, helper, frozenset(vips), now, until)
        question = Question(node=self.me, to=helper, number=self.number, vips=vips)
        outbox.act(Send(question, (helper,)))
        return False

    def accept(self, opinion: Opinion) -> Asked | None:
        """The question this opinion answers; None if it is late, foreign or unproved."""
        asked = self.asked
        if asked is None or (opinion.node, opinion.number) != (asked.helper, asked.number):
            return None
        self.asked = None
        if not opinion.proved and opinion.silent:
            self.tried.add(asked.helper)
            return None
        return asked
