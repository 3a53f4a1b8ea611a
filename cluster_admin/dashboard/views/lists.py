"""The overview, and the lists of nodes, VIPs and events. Filters, order and page are in the URL."""

from typing import Any

from django.http import HttpRequest, HttpResponseBase

from cluster_admin.dashboard import event_rows, node_rows, scope, summary, vip_rows
from cluster_admin.dashboard.downloads import as_csv
from cluster_admin.dashboard.tables import Choice, ordered, page_of, word
from cluster_admin.dashboard.views.base import Page
from cluster_admin.events import history

CARDS, FEW_CARDS = 24, 10
"""Nodes on the overview: all of a small cluster, otherwise a few: those that need a look first."""


class Overview(Page):
    """Nodes x VIPs: the first page."""

    template, part, place = "dashboard/overview.html", "dashboard/parts/overview.html", "overview"

    def context(self, request: HttpRequest, **named: str) -> dict[str, Any]:
        """Numbers, troubles, node cards, and the VIPs that the filters ask for."""
        found = summary.summarize(request.user)
        nodes = scope.nodes(request.user)
        if found.nodes > CARDS:
            nodes = nodes.order_by(node_rows.RANK, "name")[:FEW_CARDS]
        cards = node_rows.shown(nodes)
        more = found.nodes - len(cards)
        largest = max((card.vips for card in cards), default=0) or 1
        cards_shown = {"cards": cards, "more": more, "largest": largest}
        return vip_table(request) | cards_shown | {"summary": found}


class Vips(Page):
    """All VIPs."""

    template, part, place = "dashboard/vips.html", "dashboard/parts/vips.html", "vips"

    def get(self, request: HttpRequest, **named: str) -> HttpResponseBase:
        """The page, its live part, or everything as CSV."""
        if request.GET.get("format") != "csv":
            return super().get(request, **named)
        rows = vip_rows.matching(scope.vips(request.user), request.GET)
        choice = Choice.of(request.GET, vip_rows.COLUMNS, "address")
        found = ordered(rows, vip_rows.COLUMNS, choice, "address_key").aiterator(chunk_size=500)
        return as_csv((vip_rows.row_of(vip) async for vip in found), vip_rows.COLUMNS, "vips")

    def context(self, request: HttpRequest, **named: str) -> dict[str, Any]:
        """The VIPs that the filters ask for."""
        return vip_table(request)


class Nodes(Page):
    """All nodes."""

    template, part, place = "dashboard/nodes.html", "dashboard/parts/nodes.html", "nodes"

    def get(self, request: HttpRequest, **named: str) -> HttpResponseBase:
        """The page, its live part, or everything as CSV."""
        if request.GET.get("format") != "csv":
            return super().get(request, **named)
        rows = node_rows.matching(scope.nodes(request.user), request.GET)
        choice = Choice.of(request.GET, node_rows.COLUMNS, "node")
        counted = rows.annotate(held=node_rows.HELD)
        found = ordered(counted, node_rows.COLUMNS, choice, "name").aiterator(chunk_size=500)
        return as_csv((node_rows.as_row(node) async for node in found), node_rows.COLUMNS, "nodes")

    def context(self, request: HttpRequest, **named: str) -> dict[str, Any]:
        """The nodes that the filters ask for."""
        rows = node_rows.matching(scope.nodes(request.user), request.GET)
        choice = Choice.of(request.GET, node_rows.COLUMNS, "node")
        table = page_of(rows, node_rows.COLUMNS, choice, "name")
        return {
            "table": table,
            "rows": node_rows.shown(table.rows),
            "subclusters": list(scope.subclusters(request.user)),
            "states": list(node_rows.STATES),
        }


class Events(Page):
    """What happened, the newest first; pages go by id, so that a long history costs nothing."""

    template, part, place = "dashboard/events.html", "dashboard/parts/events.html", "events"

    def get(self, request: HttpRequest, **named: str) -> HttpResponseBase:
        """The page, its live part, or everything as CSV."""
        if request.GET.get("format") != "csv":
            return super().get(request, **named)
        found = event_rows.matching(scope.events(request.user), request.GET)
        if node := word(request.GET, "node"):
            found = event_rows.about(found, node)
        return history.as_csv(found)

    def context(self, request: HttpRequest, **named: str) -> dict[str, Any]:
        """The events that the filters ask for."""
        found = event_rows.matching(scope.events(request.user), request.GET)
        node = word(request.GET, "node")
        return event_rows.stretch(found, request.GET, node) | {
            "subclusters": list(scope.subclusters(request.user)),
            "kinds": event_rows.KINDS,
            "actors": event_rows.ACTORS,
        }


def vip_table(request: HttpRequest) -> dict[str, Any]:
    """The table of VIPs that the URL asks for: three queries."""
    rows = vip_rows.matching(scope.vips(request.user), request.GET)
    return vip_rows.table_of(rows, request.GET) | {
        "subclusters": list(scope.subclusters(request.user)),
        "states": vip_rows.SEVERITY,
    }
