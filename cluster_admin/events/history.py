"""The history as CSV: one set of columns for the pages and the API, whole, newest first."""

from collections.abc import Callable
from operator import attrgetter

from django.db.models import QuerySet
from django.http import StreamingHttpResponse

from cluster_admin.events.models import Event
from cluster_admin.rest.spreadsheets import Cell, download, newest_first

NAMES = (
    *("id", "time", "subcluster", "node", "kind", "vip", "actor", "reason", "from", "to"),
    *("epoch", "gap_ms", "view", "peer", "detail", "incarnation", "number", "received_at"),
)
FOUND: dict[str, Callable[[Event], object]] = {
    "from": attrgetter("way.origin"),
    "to": attrgetter("way.goal"),
    "epoch": lambda row: row.epoch or "",
}
"""What stands in a column that no field is named after, or that says otherwise."""
CELLS: tuple[Cell, ...] = tuple((name, FOUND.get(name, attrgetter(name))) for name in NAMES)


def as_csv(rows: QuerySet[Event], name: str = "events") -> StreamingHttpResponse:
    """The answer that downloads these events; an unknown gap is an empty cell."""
    return download(newest_first(rows), CELLS, name)
