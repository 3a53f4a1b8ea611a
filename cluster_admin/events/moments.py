"""An instant by both clocks: monotonic seconds to decide by, wall clock time to show."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Moment:
    """`seconds` on the process's monotonic clock, `time` for people."""

    seconds: float
    time: datetime

    def time_of(self, seconds: float) -> datetime:
        """When `seconds` was; bounded, since nodes tell ages and may be wrong."""
        age = min(max(self.seconds - seconds, -86_400.0), 50 * 365 * 86_400.0)
        return self.time - timedelta(seconds=age)

    def seconds_of(self, time: datetime) -> float:
        """The monotonic second at which it was `time`."""
        return self.seconds - (self.time - time).total_seconds()
