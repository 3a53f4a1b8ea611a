"""How nodes ship their logs, as the page shows it: columns, badges, and what the filters mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, QuerySet, Value, When
from django.template.defaultfilters import filesizeformat

from cluster_admin.dashboard.badges import Badge
from cluster_admin.dashboard.tables import Column, word
from cluster_admin.dashboard.templatetags.show import age
from cluster_admin.logs.shipping_models import Shipping

GOES = Badge("ships", "good", "check", "the subscriber gets the node's logs")
AWAY = Badge("not connected", "warn", "half", "no broker takes the node's logs: they wait there")
PILES = Badge("piles up", "bad", "alert", "the backlog is alarming")
STATES = (GOES, AWAY, PILES)
_RANK = Case(
    When(alarm__gt="", then=Value(2)), When(connected=False, then=Value(1)), default=Value(0)
)
COLUMNS = (
    Column("node", "Node", lambda row: row.node, ("node",)),
    Column("subscriber", "Subscriber", lambda row: row.subscriber, ("subscriber",)),
    Column("state", "State", lambda row: state_of(row).word, (_RANK,)),
    Column("disk", "On disk", lambda row: row.on_disk_bytes, ("on_disk_bytes",), "number"),
    Column("backlog", "Backlog", lambda row: row.backlog_bytes, ("backlog_bytes",), "number"),
    Column("late", "Late", lambda row: row.backlog_seconds, ("backlog_seconds",), "number"),
    Column("dropped", "Dropped", lambda row: row.dropped_bytes, ("dropped_bytes",), "number"),
    Column("heard", "Heard", lambda row: row.heard_at, ("heard_at",), "number"),
    Column("subcluster", "Subcluster", lambda row: row.subcluster, ("subcluster",), "lo"),
    Column("note", "Note", lambda row: row.alarm, css="wide"),
)


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file of a log, ready to be shown."""

    name: str
    path: str
    size: int
    kept: int
    lag: str
    late: str


@dataclass(frozen=True, slots=True)
class ShippingRow:
    """A node and a subscriber, ready to be shown."""

    row: Shipping
    badge: Badge
    disk: str
    backlog: str
    late: str
    dropped: str
    files: tuple[FileRow, ...]


def state_of(row: Shipping) -> Badge:
    """The worst that is to be said of it."""
    return PILES if row.alarm else GOES if row.connected else AWAY


def matching(rows: QuerySet[Shipping], query: Mapping[str, str]) -> QuerySet[Shipping]:
    """Those that the filters of a URL ask for."""
    for name in ("node", "subscriber", "subcluster"):
        if asked := word(query, name):
            rows = rows.filter(**{name: asked})
    return rows


def shown(rows: list[Shipping]) -> list[ShippingRow]:
    """A page of them."""
    return [
        ShippingRow(
            row,
            state_of(row),
            filesizeformat(row.on_disk_bytes),
            filesizeformat(row.backlog_bytes),
            age(row.backlog_seconds),
            filesizeformat(row.dropped_bytes) if row.dropped_bytes else "",
            tuple(map(_file, row.files)),
        )
        for row in rows
    ]


def _file(told: Mapping[str, Any]) -> FileRow:
    lag = max(0, told["size"] - told["kept"])
    return FileRow(
        told["name"],
        told["path"],
        told["size"],
        told["kept"],
        filesizeformat(lag),
        age(told["lag_seconds"]),
    )
