"""The history as CSV: one set of columns for the pages and the API, whole, newest first."""

from django.db.models import QuerySet
from django.http import StreamingHttpResponse

from cluster_admin.events.models import Event
from cluster_admin.rest.spreadsheets import Cell, download, newest_first

CELLS: tuple[Cell, ...] = (
    ("id", lambda row: row.pk),
    ("time", lambda row: row.time),
    ("subcluster", lambda row: row.subcluster),
    ("node", lambda row: row.node),
    ("kind", lambda row: row.kind),
    ("vip", lambda row: row.vip),
    ("actor", lambda row: row.actor),
    ("reason", lambda row: row.reason),
    ("from", lambda row: row.way.origin),
    ("to", lambda row: row.way.goal),
    ("epoch", lambda row: row.epoch or ""),
    ("gap_ms", lambda row: row.gap_ms),
    ("view", lambda row: row.view),
    ("peer", lambda row: row.peer),
    ("detail", lambda row: row.detail),
    ("incarnation", lambda row: row.incarnation),
    ("number", lambda row: row.number),
    ("received_at", lambda row: row.received_at),
)


def as_csv(rows: QuerySet[Event], name: str = "events") -> StreamingHttpResponse:
    """The answer that downloads these events; an unknown gap is an empty cell."""
    return download(newest_first(rows), CELLS, name)
