"""The page of shipping: what of the logs is on the nodes, and how far each subscriber is."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase

from cluster_admin.accounts.services import readable
from cluster_admin.dashboard import log_shipping_rows, scope
from cluster_admin.dashboard.downloads import as_csv
from cluster_admin.dashboard.log_shipping_rows import COLUMNS
from cluster_admin.dashboard.tables import Choice, ordered, page_of
from cluster_admin.dashboard.views.base import Page
from cluster_admin.dashboard.views.log_decommissioning import may_decommission, subscribers
from cluster_admin.logs.shipping_models import Shipping


class LogShipping(Page):
    """Every node and subscriber."""

    template, part = "dashboard/logs/shipping.html", "dashboard/logs/parts/shipping.html"
    place = "logs"

    def get(self, request: HttpRequest, **named: str) -> HttpResponseBase:
        """The page, its live part, or everything as CSV."""
        if request.GET.get("format") != "csv":
            return super().get(request, **named)
        choice = Choice.of(request.GET, COLUMNS, "node")
        found = ordered(_rows(request), COLUMNS, choice, "pk").aiterator(chunk_size=500)
        return as_csv(found, COLUMNS, "shipping")

    def context(self, request: HttpRequest, **named: str) -> dict[str, Any]:
        """Those that the filters ask for."""
        rows = _rows(request)
        table = page_of(rows, COLUMNS, Choice.of(request.GET, COLUMNS, "node"))
        names = Shipping.objects.order_by().values_list("subscriber", flat=True).distinct()
        return {
            "tab": "shipping",
            "ends": list(subscribers()) if may_decommission(request.user) else [],
            "table": table,
            "rows": log_shipping_rows.shown(table.rows),
            "subscribers": sorted(names),
            "subclusters": list(scope.subclusters(request.user)),
        }


def _rows(request: HttpRequest) -> QuerySet[Shipping]:
    names = readable(request.user)
    rows = Shipping.objects.all()
    rows = rows if names is None else rows.filter(subcluster__in=names)
    return log_shipping_rows.matching(rows, request.GET)
