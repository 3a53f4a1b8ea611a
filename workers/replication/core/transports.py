"""What keeps a transport of Postfix within a node's share of the limits. Pure."""

import math
from dataclasses import dataclass

from workers.replication.core.shares import Share

USUAL_CONCURRENCY, USUAL_PROCESSES = 20, 100
"""Of Postfix: deliveries to one destination at a time, and of a transport."""
DELAY_SECONDS_MAX = 1_000_000_000
"""Longer than any message waits: nothing is sent."""


@dataclass(frozen=True, slots=True)
class Transport:
    """What keeps a transport of Postfix within a share; delays are whole seconds, 0: none."""

    destination_concurrency_limit: int = USUAL_CONCURRENCY
    destination_rate_delay: int = 0
    """Between two deliveries to a destination; Postfix then has one of them at a time."""
    transport_rate_delay: int = 0
    """Between two deliveries of the transport."""
    process_limit: int = USUAL_PROCESSES
    """The `maxproc` of its line in master.cf."""


def transport_of(
    share: Share, concurrency: int = USUAL_CONCURRENCY, processes: int = USUAL_PROCESSES
) -> Transport:
    """Return the settings for a share; without a limit those given.

    Postfix waits for whole seconds or not at all, so a rate above one a second is not kept by a
    delay: more is sent, and the counting of the mail log shows it. Slower ones are rounded down.
    """
    whole = processes if share.all_connections is None else min(processes, share.all_connections)
    apart = concurrency if share.connections is None else min(concurrency, share.connections)
    return Transport(
        destination_concurrency_limit=min(apart, whole),
        destination_rate_delay=_delay(share.rate),
        transport_rate_delay=_delay(share.all_rate),
        process_limit=whole,
    )


def _delay(rate: float | None) -> int:
    if rate is None or rate > 1:
        return 0
    return min(DELAY_SECONDS_MAX, math.ceil(1 / rate)) if rate > 0 else DELAY_SECONDS_MAX
