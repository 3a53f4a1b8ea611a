"""`muster status`: the whole cluster in a few lines, with how fresh the picture is."""

from typing import Any

import typer

from cluster_admin.cli import shapes, watching
from cluster_admin.cli.bundles import Showing, add
from cluster_admin.cli.columns import Column, Rank
from cluster_admin.cli.freshness import freshness
from cluster_admin.cli.looking import look_of
from cluster_admin.cli.session import Call
from cluster_admin.cli.shapes import tell

SUBCLUSTERS = (
    Column("name", rank=Rank.KEY),
    Column("nodes"),
    Column("alive"),
    Column("vips"),
    Column("owned"),
    Column("unowned", alarm=True),
    Column("unsafe", alarm=True),
    Column("broken", alarm=True),
    Column("conflict", alarm=True),
    Column("stuck", alarm=True),
    Column("foreign", alarm=True),
    Column("no_heir"),
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
    if look.verbatim:
        shapes.one_text(told, SUBCLUSTERS, look).print()
    else:
        shapes.rows_text(told["subclusters"], SUBCLUSTERS, look).print()
    tell(freshness(told))


def _look(call: Call) -> Any:
    return call.client.get("status/").body
