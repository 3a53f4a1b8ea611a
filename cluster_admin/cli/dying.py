"""What if a node dies: the nodes' own answer, with the age of the view it was worked out from."""

from typing import Any

from cluster_admin.cli import shapes
from cluster_admin.cli.bundles import Printing
from cluster_admin.cli.columns import Column, Rank, nobody
from cluster_admin.cli.durations import ago
from cluster_admin.cli.looking import look_of
from cluster_admin.cli.resources import path
from cluster_admin.cli.session import Call
from cluster_admin.cli.shapes import tell

MOVES = (
    Column("vip", rank=Rank.KEY),
    Column("from", rank=Rank.KEY),
    Column("to", rank=Rank.KEY, text=nobody),
)


def show(call: Call, node: str, view: Printing) -> None:
    """Print the moves; json and yaml have the manager's whole answer."""
    look = look_of(call, view)
    shapes.picked(MOVES, look)
    told = call.client.get(path("nodes", node, "if-dies")).body
    if look.verbatim:
        shapes.one_text(told, MOVES, look).print()
    else:
        shapes.rows_text(_rows(told), MOVES, look).print()
    seen = told.get("view") or {}
    members = " ".join(seen.get("members") or [])
    tell(f"from the view of {members}, {ago(seen.get('age_seconds'))} old, r{seen.get('revision')}")
    if told["unserved"]:
        tell(f"nobody could serve {len(told['unserved'])} of them")


def _rows(told: dict[str, Any]) -> list[dict[str, Any]]:
    unserved = [{"vip": vip, "from": told["node"], "to": None} for vip in told["unserved"]]
    return [*told["moves"], *unserved]
