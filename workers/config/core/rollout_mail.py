"""Whether mail fares worse on a node with a revision than before: deferred and bounced attempts.

Chance is not held against a revision: of few attempts little is known, so what counts is the lower
bound of the share that failed (Wilson's score interval, one-sided 97.7 %).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt

ATTEMPTS_MIN = 20
"""Of fewer nothing is said."""
DEVIATIONS = 2.0
PAUSE_SECONDS_MIN = 120.0
"""Mail is counted by the minute, and seconds after it was written: earlier nothing is known."""
BEFORE_SECONDS = 3_600
"""Of the node's past that it is compared with."""
AFTER_SECONDS = 900
"""The newest that is looked at: what was long ago makes up for nothing."""
MINUTE = 60


@dataclass(frozen=True, slots=True)
class Attempts:
    """Attempts to deliver, and how many of them were deferred or bounced."""

    all: int = 0
    failed: int = 0

    @property
    def rate(self) -> float:
        """The share that failed, 0 to 1."""
        return self.failed / self.all if self.all else 0.0


@dataclass(frozen=True, slots=True)
class Minute:
    """A node's attempts in a minute; `start` is when that begins, in seconds."""

    start: int
    node: str
    attempts: Attempts


def complaints(
    minutes: Iterable[Minute], ordered: dict[str, float], now: float, limit: float
) -> dict[str, str]:
    """Node -> why mail fares worse there, for those where it does.

    `ordered`: node -> when it was ordered to have the revision, in seconds. `limit`: percentage
    points. What a node did not try before is taken from the others.
    """
    known = list(minutes)
    return {
        node: f"mail: {limit:g} % more of its attempts than before are deferred or bounced"
        for node, at in ordered.items()
        if worse(_before(known, node, at), _after(known, node, at, now), limit)
    }


def worse(before: Attempts, after: Attempts, limit: float) -> bool:
    """Whether surely more than `limit` percentage points more of the attempts fail."""
    return after.all >= ATTEMPTS_MIN and 100 * (least_rate(after) - before.rate) > limit


def least_rate(attempts: Attempts) -> float:
    """The share that fails at least, 0 to 1, for all that is known: the lower bound."""
    if not attempts.all:
        return 0.0
    count, rate, square = attempts.all, attempts.rate, DEVIATIONS**2
    middle = rate + square / (2 * count)
    spread = DEVIATIONS * sqrt(rate * (1 - rate) / count + square / (4 * count**2))
    return max(0.0, (middle - spread) / (1 + square / count))


def _before(minutes: Iterable[Minute], node: str, at: float) -> Attempts:
    """The node's attempts in front of the minute in which it was ordered; of all, if few."""
    last = at // MINUTE * MINUTE
    span = [one for one in minutes if last - BEFORE_SECONDS <= one.start < last]
    own = _sum(one for one in span if one.node == node)
    return own if own.all >= ATTEMPTS_MIN else _sum(span)


def _after(minutes: Iterable[Minute], node: str, at: float, now: float) -> Attempts:
    """Behind that minute, as far as it is recent."""
    first = max(at // MINUTE * MINUTE + MINUTE, now - AFTER_SECONDS)
    return _sum(one for one in minutes if one.node == node and one.start >= first)


def _sum(minutes: Iterable[Minute]) -> Attempts:
    found = [one.attempts for one in minutes]
    return Attempts(sum(one.all for one in found), sum(one.failed for one in found))
