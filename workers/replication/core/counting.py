"""Where a limit counts: the table, and the key in it. Pure.

A limit that counts within a window has cells of its own, `LIMIT/KEY`, so that no two limits count
the same event into one cell. What is open now is counted once, under the names by which people
look for it; a limit on that only looks, and only one on something else has a gauge of its own.
"""

from collections.abc import Callable
from functools import partial
from typing import Protocol, runtime_checkable

from workers.replication.core.definitions import Limit, Per, Replication, Subject, TableType
from workers.replication.core.exemptions import Exemptions
from workers.replication.core.limit_keys import key_of
from workers.replication.core.verdicts import Gauge, Meter, Window

WINDOWS = {
    Subject.OUTBOUND_MESSAGES: TableType.THROTTLE_MESSAGES,
    Subject.OUTBOUND_CONNECTION_RATE: TableType.THROTTLE_CONNECTIONS,
}
"""Everything else is counted in the named throttles."""


class Counters(Protocol):
    """The part of `Tables` that limits need."""

    def window(self, table: str, key: str, span: float) -> Window:
        """Return the window of `span` seconds, making it."""

    def gauge(self, table: str, key: str) -> Gauge:
        """Return the gauge, making it."""


class Grid(Protocol):
    """The windows of one table and span."""

    def window(self, key: str) -> Window:
        """Return the window, making it."""


@runtime_checkable
class Grids(Protocol):
    """Counters that hand out the windows of one table and span: a shorter way to each."""

    def windows(self, table: str, span: float) -> Grid:
        """Return them."""


class Places:
    """Makes the meters of limits."""

    def __init__(self, replication: Replication, counters: Counters) -> None:
        self._names = {type_: replication.table_of(type_).name for type_ in TableType}
        self._exemptions = Exemptions(replication.exempts)
        self._counters = counters
        self._finds: dict[tuple[str, float], Callable[[str], Window]] = {}

    def meter(self, limit: Limit, text: str, binding: str = "") -> Meter | None:
        """Return what counts for whoever said `text`; None where `limit` does not apply."""
        key = key_of(limit, text)
        most = self._exemptions.most(limit, text)
        if key is None or most is None:
            return None
        if limit.subject.is_gauge:
            type_, cell = gauge_place(limit, key, binding)
            table = self._names[type_]
            find = partial(self._counters.gauge, table)
            return Meter(limit, key, most, (table, cell), find, looks=True)
        if limit.binding:
            key = f"{binding}::{key}"
        table = self._names[WINDOWS.get(limit.subject, TableType.NAMED_THROTTLES)]
        place = (table, f"{limit.name}/{key}")
        return Meter(limit, key, most, place, self._find(table, limit.window), looks=False)

    def _find(self, table: str, span: float) -> Callable[[str], Window]:
        found = self._finds.get((table, span))
        if found is None:
            counters = self._counters
            if isinstance(counters, Grids):
                found = counters.windows(table, span).window
            else:
                found = partial(_window, counters, table, span)
            self._finds[table, span] = found
        return found

    def gauge(self, table: TableType, cell: str) -> Gauge:
        """Return a gauge."""
        return self._counters.gauge(self._names[table], cell)


def _window(counters: Counters, table: str, span: float, key: str) -> Window:
    return counters.window(table, key, span)


def gauge_place(limit: Limit, key: str, binding: str) -> tuple[TableType, str]:
    """Return where that is counted which a limit on open connections looks at."""
    per, subject = limit.per, limit.subject
    if subject is Subject.OUTBOUND_SCOPE_CONNECTIONS:
        return TableType.GAUGE_CACHE, limit.name
    if subject is Subject.OUTBOUND_CONNECTIONS and per is Per.DOMAIN:
        if limit.binding:
            return TableType.BINDING_DOMAIN_CONNECTIONS, f"{binding}::{key}"
        return TableType.DOMAIN_CONNECTIONS, key
    if subject is Subject.OUTBOUND_SERVER_CONNECTIONS and per is Per.ADDRESS:
        return TableType.CONNECTIONS_OUTBOUND, key
    if subject is Subject.INBOUND_OPEN and per is Per.ADDRESS:
        return TableType.CONNECTIONS_INBOUND, key
    return TableType.GAUGE_CACHE, f"{limit.name}/{key}"
