"""Lines of a mail log as events for the node's limits: counts by series, address and second.

What a line says is added up, so that a busy second of one address is one event. Pure: when it is
about, and the host's zone, come from the caller.
"""

from collections.abc import Iterator

import msgspec

from workers.maillog.core.moments import DAY, Moments
from workers.maillog.core.reported import reported_in

PIECE_BYTES = 64 << 10
"""The most of a log whose events go out as one: fewer than 2,000 lines."""


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """`count` times the same, within the second `at` (since 1970)."""

    series: str
    key: str
    count: int
    at: int
    domain: str = ""
    """Of the recipients, where deliveries were tried."""
    binding: str = ""


class Events(msgspec.Struct, frozen=True):
    """Of some lines. `timeless`: lines that say no time, or one that cannot be."""

    events: list[Event]
    timeless: int = 0


def events_of(data: bytes, moments: Moments, now: float) -> Events:
    """The events of whole lines that were written by `now` (seconds), in the lines' order."""
    counts: dict[tuple[str, str, int, str, str], int] = {}
    timeless = 0
    for one in reported_in(data):
        moment = moments.seconds(one.at, now)
        if moment is None or moment > now + DAY:
            timeless += 1
            continue
        key = (one.series.value, one.address, int(moment), one.domain, one.binding)
        counts[key] = counts.get(key, 0) + 1
    found = [
        Event(series, address, count, at, domain, binding)
        for (series, address, at, domain, binding), count in counts.items()
    ]
    return Events(found, timeless)


def pieces(data: bytes, limit: int = PIECE_BYTES) -> Iterator[bytes]:
    """The data in pieces of whole lines, each at most `limit` bytes unless one line is longer."""
    start = 0
    while start < len(data):
        end = start + limit
        if end < len(data):
            end = (data.rfind(b"\n", start, end) + 1) or (data.find(b"\n", end) + 1) or len(data)
        yield data[start:end]
        start = end
