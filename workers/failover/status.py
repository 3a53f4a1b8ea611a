"""What the consumer says of itself to `muster node status`, beside the machine's picture."""

import os
import time
from typing import Any

from workers.failover.rings import RingCounts


def rings_picture(counts: dict[str, RingCounts]) -> dict[str, Any]:
    """What happened on each ring, by its name."""
    return {
        ring: {
            "sent": one.sent,
            "dropped": one.dropped,
            "received": one.received,
            "refused": {why.name: n for why, n in one.refused.items()},
            "errors": dict(one.errors),
        }
        for ring, one in counts.items()
    }


def process_picture(started_at: float, urgency: str) -> dict[str, Any]:
    """What the process costs, since it started at `started_at` (monotonic seconds)."""
    with open("/proc/self/statm", encoding="ascii") as file:
        pages = int(file.read().split()[1])
    return {
        "pid": os.getpid(),
        "up_seconds": round(time.monotonic() - started_at, 1),
        "cpu_seconds": round(time.process_time(), 2),
        "memory_mib": round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1),
        "scheduling": urgency,
    }
