"""What programs of this node ask of the local API, as JSON; bounded and checked on decoding.

Counts and offsets are whole numbers, times are seconds since 1970 or seconds that pass.
"""

from collections.abc import Collection
from typing import Annotated

import msgspec

from workers.replication.core.definitions import Replication, Table, TableType
from workers.replication.core.leases import TTL_SECONDS, USUAL_TTL_SECONDS
from workers.replication.core.outbound import Asked, AskedKind

EVENTS_MAX = 2_000
ATTEMPTS = frozenset({"delivery", "transfail", "permfail"})
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


class Put(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Let all nodes know a value for `ttl` seconds; None: as long as the table says."""

    table: Name = TableType.CACHE.value
    key: Name
    value: str | None
    """None: nobody is to know one any more."""
    ttl: Ttl | None = None


class Event(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that happened `count` times at an instant; now, if it is not said.

    An attempt to deliver that says its `domain` counts for the limits on outbound messages.
    """

    series: Name
    key: Name
    count: Count = 1
    at: float | None = None
    domain: Word = ""
    binding: Word = ""

    def asked(self) -> Asked | None:
        """Return the attempt as limits take it; None: it is none, or does not say enough."""
        if self.series not in ATTEMPTS or not self.domain:
            return None
        return Asked(
            kind=AskedKind.MESSAGE,
            binding=self.binding,
            domain=self.domain,
            address=self.key,
            count=self.count,
        )


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


def series_of(replication: Replication) -> dict[str, Table]:
    """Return where events are counted, by series; an audit series has its table's name, too."""
    audits = {
        one.name: one for one in replication.every_table if one.type is TableType.AUDIT_SERIES
    }
    return audits | {name: replication.table_of(type_) for name, type_ in SERIES.items()}


def strange_series(report: Report, known: Collection[str]) -> str:
    """Say which series of a report is not `known`; empty if all are."""
    for event in report.events:
        if event.series not in known:
            words = ", ".join(sorted(known))
            return f"series {event.series[:64]!r} is not known; write one of {words}"
    return ""
