"""Which health checks fail on this node, after damping: results in, the set of failing checks out.

A check counts as failed after `check_fall` failures in a row, and as good again once it has been
good, without a failure between, for a holding time: `flap_limit` seconds, doubled with each flap up
to 15 times that. A flap is a failure within 10 x `flap_limit` of a recovery; after a longer quiet
the holding time is `flap_limit` again. Invariant: what was never checked counts as good.
"""

import math
from dataclasses import dataclass

from workers.failover.core.definitions import Definitions

RECENT_LIMITS = 10
"""A failure so many `flap_limit` after a recovery, or sooner, is a flap."""
HOLD_LIMITS = 15
"""The longest holding time, in `flap_limit`."""


@dataclass(slots=True)
class _Course:
    """How one check has been going."""

    failures: int = 0
    """In a row, until now."""
    failed: bool = False
    good_since: float = math.inf
    """Of a failed check: when the results that are good since then began."""
    hold_seconds: float = 0.0
    recovered_at: float = -math.inf


class Health:
    """Feed it results of checks; ask it which of them count as failed."""

    def __init__(self, definitions: Definitions) -> None:
        self._courses: dict[str, _Course] = {}
        self.redefine(definitions)

    def redefine(self, definitions: Definitions) -> None:
        """Follow new definitions: checks that stay keep their past, others are forgotten."""
        self._fall = definitions.knobs.check_fall
        self._limit_seconds = definitions.knobs.flap_limit
        named = {vip.check for vip in definitions.vips.values() if vip.check}
        self._courses = {check: self._courses.get(check) or _Course() for check in sorted(named)}

    def checked(self, check: str, healthy: bool, now: float) -> None:
        """A check ended at `now`; one that no VIP names is ignored."""
        course = self._courses.get(check)
        if course is None:
            return
        self._settle(course, now)
        if healthy:
            course.failures = 0
            course.good_since = min(course.good_since, now)
            self._settle(course, now)
            return
        course.failures = min(course.failures + 1, self._fall)
        course.good_since = math.inf
        if not course.failed and course.failures >= self._fall:
            self._fail(course, now)

    def failing(self, now: float) -> frozenset[str]:
        """The checks that count as failed."""
        for course in self._courses.values():
            self._settle(course, now)
        return frozenset(check for check, course in self._courses.items() if course.failed)

    def deadline(self) -> float:
        """When `failing` changes by time alone; infinity for never."""
        failed = (course for course in self._courses.values() if course.failed)
        return min(map(self._good_at, failed), default=math.inf)

    def _fail(self, course: _Course, now: float) -> None:
        recent = now - course.recovered_at <= RECENT_LIMITS * self._limit_seconds
        longer = min(2 * course.hold_seconds, HOLD_LIMITS * self._limit_seconds)
        course.hold_seconds = max(longer, self._limit_seconds) if recent else self._limit_seconds
        course.failed = True

    def _good_at(self, course: _Course) -> float:
        """When a failed check is good again if it goes on like this."""
        return course.good_since + course.hold_seconds

    def _settle(self, course: _Course, now: float) -> None:
        """A failed check that was good for long enough counts as good."""
        if course.failed and now >= self._good_at(course):
            course.failed = False
            course.recovered_at = self._good_at(course)
