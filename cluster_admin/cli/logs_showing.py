"""`muster logs show`: what of the logs is on each node's disk, and how far each subscriber is."""

from typing import Annotated, Any

import typer

from cluster_admin.cli import completing, shapes, watching
from cluster_admin.cli.bundles import Listing, add
from cluster_admin.cli.columns import Column, Rank, age, clock
from cluster_admin.cli.looking import Kind, look_of, query_of, show_list
from cluster_admin.cli.session import Call

SHIPPING = Kind(
    "nodes and subscribers",
    "logs/shipping/",
    (
        Column("node", rank=Rank.KEY),
        Column("subscriber", rank=Rank.KEY),
        Column("on_disk", "on_disk_bytes"),
        Column("backlog", "backlog_bytes", rank=Rank.KEY),
        age("late", "backlog_seconds"),
        Column("connected"),
        Column("dropped", "dropped_bytes", alarm=True),
        Column("alarm", alarm=True, most=60),
        Column("heard_at", text=clock),
        Column("subcluster", rank=Rank.WIDE),
        Column("in_flight", "in_flight_bytes", rank=Rank.WIDE),
        Column("lost", "lost_bytes", rank=Rank.WIDE, alarm=True),
        Column("duplicates", rank=Rank.WIDE, alarm=True),
        Column("more_files", rank=Rank.ASKED),
        Column("files", rank=Rank.ASKED),
    ),
    ("subcluster", "node", "subscriber", "search"),
)
FILES = (
    Column("subscriber", rank=Rank.KEY),
    Column("log", "name", rank=Rank.KEY),
    Column("on_disk", "size", rank=Rank.KEY),
    Column("position", "kept", rank=Rank.KEY),
    Column("lag", "lag_bytes"),
    age("late", "lag_seconds"),
    Column("path"),
)
Node = Annotated[
    str | None,
    typer.Argument(
        help="Each log of this node, with positions.",
        autocompletion=completing.nodes,
        show_default=False,
    ),
]

app = typer.Typer()


@add(
    app,
    "show",
    examples=[
        "muster logs show",
        "muster logs show mta1",
        "muster logs show --filter subscriber=archive --watch",
    ],
)
def show(call: Call, view: Listing, node: Node = None) -> None:
    """Show what nodes ship: bytes on disk, and what each subscriber has not got yet.

    Backlog and lag are bytes, `late` is the age of the oldest line that is still to come.
    """
    if node is None:
        show_list(call, SHIPPING, view)
        return
    look = look_of(call, view)
    shapes.picked(FILES, look)

    def rows() -> list[Any]:
        query = {**query_of(SHIPPING, view), "node": node}
        found, _count = call.client.rows(SHIPPING.where, query, view.limit)
        return [
            {"id": f"{row['id']} {file['path']}", "subscriber": row["subscriber"], **file}
            for row in found
            for file in row["files"]
        ]

    if view.watch is None:
        shapes.rows_text(rows(), FILES, look).print()
    else:
        watching.watch(rows, FILES, look, view.watch)
