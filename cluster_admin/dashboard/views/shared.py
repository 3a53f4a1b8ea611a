"""The pages of shared tables: which there are, and what is in one: top talkers, tree, over time."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django.http import HttpRequest

from cluster_admin.dashboard import count_charts, scope
from cluster_admin.dashboard.views.counts import SPANS, Ask, CountPage, only
from cluster_admin.replication import asking

TOPS = ("20", "100", "1000")
Asking = Callable[[Ask, Mapping[str, str]], dict[str, Any]]


class SharedTables(CountPage):
    """Every table, and how each node's counting is."""

    template, part = "dashboard/limits/shared.html", "dashboard/limits/parts/shared.html"
    tab = "shared"

    def told(self, asked: Mapping[str, str], ask: Asking, now: float) -> dict[str, Any]:
        """Tables and nodes."""
        tables, nodes = ask(asking.tables, asked)["rows"], ask(asking.nodes, asked)
        return {
            "rows": sorted(tables, key=lambda one: (-(one["keys"] or 0), one["name"])),
            "counting": nodes["rows"],
            "silent": nodes["silent"],
        }


class SharedTable(CountPage):
    """One table."""

    template, part = "dashboard/limits/table.html", "dashboard/limits/parts/table.html"
    tab = "shared"
    names = ("subcluster", "node", "top", "tree", "span", "seconds")
    usual: ClassVar[dict[str, str]] = {"seconds": "3600", "top": "20"}

    def context(self, request: HttpRequest, **named: str) -> dict[str, Any]:
        """With the nodes to choose from."""
        found = super().context(request, **named)
        rows = scope.nodes(request.user).order_by("name")
        home = found.get("told", {}).get("subcluster")
        if home:
            rows = rows.filter(subcluster__name=home)
        return found | {"nodes": [one.name for one in rows[:200]], "spans": SPANS, "tops": TOPS}

    def told(self, asked: Mapping[str, str], ask: Asking, now: float) -> dict[str, Any]:
        """Keys with bars, or the tree; and the sum over time."""
        told = ask(asking.rows, only(asked, "subcluster", "table", "node", "top", "tree", "span"))
        where = {**only(asked, "table", "seconds"), "subcluster": told["subcluster"]}
        found: dict[str, Any] = {"told": told}
        if told["kind"] != "cache":
            [points] = ask(asking.chart, where)["points"]
            since = now - float(asked["seconds"])
            found["chart"] = count_charts.level("Sum of all nodes", points, since, now)
            most = max((one["value"] for one in told["rows"]), default=0) or 1
            found["rows"] = [
                {
                    **one,
                    "width": f"{100 * one['value'] / most:.2f}%",
                    "whose": _whose(one["key"], told["is_address"]),
                }
                for one in told["rows"]
            ]
            whole = max((one["total"] for one in told["tree"]), default=0) or 1
            found["tree"] = [
                {
                    **one,
                    "width": f"{100 * one['total'] / whole:.2f}%",
                    "level": min(one["depth"], 12),
                }
                for one in told["tree"]
            ]
        return found


def _whose(cell: str, is_address: bool) -> str:
    """Whom a cell is about: those of limits are called LIMIT/KEY."""
    _limit, slash, key = cell.partition("/")
    return key if slash and not is_address else cell
