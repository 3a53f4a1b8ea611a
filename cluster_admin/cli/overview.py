"""`muster status`: the whole cluster in a few lines, with how fresh the picture is."""

from typing import Any

import typer

from cluster_admin.cli import shapes, watching
from cluster_admin.cli.bundles import Showing, add
from cluster_admin.cli.columns import Column, Rank
from cluster_admin.cli.durations import ago
from cluster_admin.cli.looking import look_of
from cluster_admin.cli.session import Call
from cluster_admin.cli.shapes import Output, tell

SUBCLUSTERS = (
    Column("name", rank=Rank.KEY),
    Column("nodes"),
    Column("alive"),
    Column("vips"),
    Column("owned"),
    Column("unowned"),
    Column("unsafe"),
    Column("stuck"),
    Column("revision"),
    Column("acting", "acting_revision_min"),
)

app = typer.Typer()


@add(app, "status", examples=["muster status", "muster status --watch 1"])
def status(call: Call, view: Showing) -> None:
    """Show the cluster: nodes alive, VIPs owned, trouble, and how old this picture is."""
    look = look_of(call, view)
    shapes.picked(SUBCLUSTERS, look)
    if view.watch is not None:
        watching.watch(lambda: _look(call)["subclusters"], SUBCLUSTERS, look, view.watch)
    told = _look(call)
    if view.output in (Output.JSON, Output.YAML) and not view.columns:
        shapes.one_text(told, SUBCLUSTERS, look).print()
    else:
        shapes.rows_text(told["subclusters"], SUBCLUSTERS, look).print()
    tell(_freshness(told))


def _look(call: Call) -> Any:
    return call.client.get("status/").body


def _freshness(told: dict[str, Any]) -> str:
    """How old the picture is; a listener that hears nothing makes it stale."""
    listener = told.get("listener") or {}
    heard = ago(listener.get("age_seconds"))
    cluster = f"cluster {told.get('cluster')}"
    if not heard:
        return f"{cluster}: the listener never heard a node; start it with: manage.py listen"
    if listener.get("stale"):
        return f"{cluster}: STALE since {heard}: the listener hears nothing; look at its log"
    return f"{cluster}: heard {heard} ago"
