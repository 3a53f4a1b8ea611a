"""The pages of limits: how full each is, whom they refused, and why somebody was."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from cluster_admin.dashboard import count_charts
from cluster_admin.dashboard.limit_rows import limit_row, refusal_row
from cluster_admin.dashboard.views.counts import SPANS, Ask, CountPage, only
from cluster_admin.replication import asking

FEW, MANY = "10", "200"
Asking = Callable[[Ask, Mapping[str, str]], dict[str, Any]]


class Limits(CountPage):
    """Every limit, the nearest to being reached first."""

    template, part = "dashboard/limits/limits.html", "dashboard/limits/parts/limits.html"
    tab = "limits"
    names = ("subcluster", "seconds")
    usual: ClassVar[dict[str, str]] = {"seconds": "3600"}

    def told(self, asked: Mapping[str, str], ask: Asking, now: float) -> dict[str, Any]:
        """Limits, refusals over time, and the newest of them."""
        where = only(asked, "subcluster")
        rows = ask(asking.usage, where)["rows"]
        chart = ask(asking.chart, only(asked, "subcluster", "seconds"))
        refused = ask(asking.refusals, {**where, "top": FEW})
        rows.sort(key=lambda one: (not one["enabled"], -one["share"], one["limit"]))
        since = now - float(asked["seconds"])
        return {
            "rows": [limit_row(one) for one in rows],
            "chart": count_charts.growth("Refusals", chart["points"], since, now),
            "refusals": [refusal_row(one) for one in refused["rows"]],
            "more": refused["more"],
            "spans": SPANS,
        }


class Refusals(CountPage):
    """Whom limits refused, the newest first."""

    template, part = "dashboard/limits/refusals.html", "dashboard/limits/parts/refusals.html"
    tab = "refusals"
    names = ("subcluster", "node", "limit", "key")

    def told(self, asked: Mapping[str, str], ask: Asking, now: float) -> dict[str, Any]:
        """Those that the filters ask for."""
        refused = ask(asking.refusals, {**asked, "top": MANY})
        return {
            "refusals": [refusal_row(one) for one in refused["rows"]],
            "more": refused["more"],
        }


class Explain(CountPage):
    """Why was this refused: what applies to somebody, and what was counted."""

    template, part = "dashboard/limits/explain.html", "dashboard/limits/parts/explain.html"
    tab = "explain"
    names = ("subcluster", "key")

    def told(self, asked: Mapping[str, str], ask: Asking, now: float) -> dict[str, Any]:
        """The limits that apply, with what each node counted, and refusals."""
        if "key" not in asked:
            return {}
        found = ask(asking.explain, asked)
        return {
            "found": True,
            "rows": [limit_row(one) for one in found["rows"]],
            "refusals": [refusal_row(one) for one in found["refusals"]],
        }
