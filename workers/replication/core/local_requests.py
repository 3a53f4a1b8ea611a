"""What programs of this node ask of the local API, as JSON; bounded and checked on decoding.

Counts and offsets are whole numbers, times are seconds since 1970 or seconds that pass.
"""

from typing import Annotated

import msgspec

from workers.replication.core.definitions import TableType
from workers.replication.core.leases import TTL_SECONDS, USUAL_TTL_SECONDS
from workers.replication.core.outbound import Asked, AskedKind

EVENTS_MAX = 2_000
COUNT_MAX = 1_000_000
Word = Annotated[str, msgspec.Meta(max_length=512)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=512)]
Count = Annotated[int, msgspec.Meta(ge=1, le=COUNT_MAX)]
Ttl = Annotated[float, msgspec.Meta(ge=TTL_SECONDS[0], le=TTL_SECONDS[1])]


class Acquire(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """May this be sent, or this connection be opened? `ttl`: of the lease on a connection."""

    kind: AskedKind
    binding: Word = ""
    domain: Word = ""
    host: Word = ""
    address: Word = ""
    throttle: Word = ""
    key: Word = ""
    count: Count = 1
    ttl: Ttl = USUAL_TTL_SECONDS

    def asked(self) -> Asked:
        """Return it as limits take it."""
        return Asked(
            kind=self.kind,
            binding=self.binding,
            domain=self.domain,
            host=self.host,
            address=self.address,
            throttle=self.throttle,
            key=self.key,
            count=self.count,
        )


class Release(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The connection is closed."""

    lease: Name


class Renew(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The connection is still open."""

    lease: Name
    ttl: Ttl | None = None


class Event(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that happened `count` times at an instant; now, if it is not said."""

    series: Name
    key: Name
    count: Count = 1
    at: float | None = None


class Report(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What happened, as read from `source` up to `offset`: told twice, it counts once."""

    source: Name
    offset: Annotated[int, msgspec.Meta(ge=0, lt=1 << 62)]
    events: Annotated[list[Event], msgspec.Meta(max_length=EVENTS_MAX)]


SERIES = {
    one.value.removeprefix("series-"): one
    for one in TableType
    if one.value.startswith("series-") or one is TableType.AUDIT_SERIES
}
"""What an event may be of."""


def strange_series(report: Report) -> str:
    """Say which series of a report is none; empty if all are."""
    for event in report.events:
        if event.series not in SERIES:
            known = ", ".join(sorted(SERIES))
            return f"series {event.series[:64]!r} is not known; write one of {known}"
    return ""
