"""Which VIP is asked in which round, so that the probe's own load stays bounded.

Up to `BURST` VIPs are each asked in every round, by echo and by raw frame. With more, raw frames
go to one cohort of at most `BURST` VIPs a round in turn, and the echo keeps to an even sample of
`SAMPLE` VIPs. Invariant: no round sends more than BURST raw frames and BURST echoes. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass

INTERVAL_SECONDS = 0.005
BURST = 32
SAMPLE = 16


@dataclass(frozen=True, slots=True)
class Plan:
    """Cohorts asked by raw frames, one a round in turn; VIPs asked by echo in every round."""

    cohorts: tuple[tuple[str, ...], ...]
    echoed: tuple[str, ...]

    def raw_interval(self, interval: float) -> float:
        """Seconds between two raw questions about one VIP."""
        return interval * len(self.cohorts)


def plan(vips: Sequence[str]) -> Plan:
    """Spread `vips` (once each, in order) over rounds."""
    unique = tuple(dict.fromkeys(vips))
    if len(unique) <= BURST:
        return Plan((unique,), unique)
    count = -(-len(unique) // BURST)
    cohorts = tuple(unique[number::count] for number in range(count))
    sample = tuple(unique[number * len(unique) // SAMPLE] for number in range(SAMPLE))
    return Plan(cohorts, sample)
