"""`muster shared list|show|nodes`: tables that nodes share, and what is in them now."""

from typing import Annotated, Any

import typer

from cluster_admin.cli import completing, shapes, watching
from cluster_admin.cli.arguments import given
from cluster_admin.cli.bundles import Showing, add
from cluster_admin.cli.columns import Column, Rank, age, plain
from cluster_admin.cli.looking import look_of
from cluster_admin.cli.session import Call
from cluster_admin.cli.shapes import tell

TABLES = (
    Column("name", rank=Rank.KEY),
    Column("type", rank=Rank.KEY),
    Column("keys", rank=Rank.KEY, text=lambda keys: "?" if keys is None else plain(keys)),
    Column("total", text=lambda total: "?" if total is None else plain(total)),
    Column("kind"),
    Column("scope"),
    Column("defined"),
    Column("evicted", alarm=True),
    Column("subcluster"),
)
ROWS = (
    Column("key", rank=Rank.KEY),
    Column("value", rank=Rank.KEY),
    Column("node", rank=Rank.WIDE),
)
BRANCHES = (
    Column("prefix", rank=Rank.KEY),
    Column("total", rank=Rank.KEY),
    Column("value", rank=Rank.WIDE),
    Column("depth", rank=Rank.WIDE),
)
NODES = (
    Column("node", rank=Rank.KEY),
    Column("cut_off", rank=Rank.KEY, alarm=True),
    Column("requests"),
    Column("refused"),
    age("told", "age_seconds"),
    Column("peers"),
    Column("problems", alarm=True),
    Column("broker", rank=Rank.WIDE),
    Column("faults", rank=Rank.WIDE, alarm=True),
    Column("healed", rank=Rank.WIDE),
    Column("unkept", rank=Rank.WIDE, alarm=True),
    Column("published_bytes", rank=Rank.WIDE),
    Column("heard_bytes", rank=Rank.WIDE),
    Column("subcluster", rank=Rank.WIDE),
)
OfSubcluster = Annotated[
    str | None,
    typer.Option(
        "--subcluster", "-s", help="Of this subcluster.", autocompletion=completing.subclusters
    ),
]

app = typer.Typer()


@add(app, "list", examples=["muster shared list", "muster shared list -s default -o json"])
def list_tables(call: Call, view: Showing, subcluster: OfSubcluster = None) -> None:
    """List the tables that nodes share, those that nobody defined, too, and how full they are."""
    _show(call, view, "shared/", given(subcluster=subcluster), TABLES)


@add(app, "nodes", examples=["muster shared nodes", "muster shared nodes --watch"])
def nodes(call: Call, view: Showing, subcluster: OfSubcluster = None) -> None:
    """Show how each node's counting is: whether it hears its peers, what it was asked."""
    _show(call, view, "shared/nodes/", given(subcluster=subcluster), NODES)


@add(
    app,
    "show",
    examples=[
        "muster shared show connections-inbound --tree",
        "muster shared show connections-inbound --from mta1 --top 50",
        "muster shared show series-delivery --tree -s default -o json",
        "muster shared show throttle-messages --window 60 --watch",
    ],
)
def show(
    call: Call,
    view: Showing,
    table: Annotated[str, typer.Argument(metavar="TABLE", autocompletion=completing.live_tables)],
    node: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="NODE",
            help="What this node counted; otherwise the sum of all.",
            autocompletion=completing.nodes,
        ),
    ] = None,
    top: Annotated[int, typer.Option(min=1, max=1_000, help="So many of the greatest.")] = 20,
    tree: Annotated[
        bool, typer.Option("--tree", help="Addresses as a tree, with its branching prefixes.")
    ] = False,
    window: Annotated[
        int | None, typer.Option(metavar="SECONDS", min=1, help="Within so many seconds.")
    ] = None,
    subcluster: OfSubcluster = None,
) -> None:
    """Show what is in a table: the greatest keys, or the tree of its addresses."""
    columns = BRANCHES if tree else ROWS
    look = look_of(call, view)
    shapes.picked(columns, look)
    query: dict[str, Any] = given(table=table, node=node, subcluster=subcluster, span=window)
    query |= {"tree": 1} if tree else {"top": top}
    part = "tree" if tree else "rows"

    def rows(told: Any) -> list[Any]:
        if not (tree and look.for_people):
            return list(told[part])
        return [{**one, "prefix": "  " * one["depth"] + one["prefix"]} for one in told[part]]

    def ask() -> Any:
        return call.client.get("shared/rows/", query).body

    if view.watch is not None:
        watching.watch(lambda: rows(ask()), columns, look, view.watch)
    told = ask()
    if look.verbatim:
        shapes.put(shapes.document(told, look.output))
        return
    shapes.rows_text(rows(told), columns, look).print()
    if look.for_people and told["more"]:
        tell(f"{told['more']} of {told['keys']} keys are left out; see more with --top")


def _show(
    call: Call, view: Showing, where: str, query: dict[str, Any], columns: tuple[Column, ...]
) -> None:
    look = look_of(call, view)
    shapes.picked(columns, look)

    def rows() -> list[Any]:
        return list(call.client.get(where, query).body["rows"])

    if view.watch is not None:
        watching.watch(rows, columns, look, view.watch)
    told = call.client.get(where, query).body
    shapes.rows_text(list(told["rows"]), columns, look).print()
    if look.for_people and told.get("silent"):
        tell(f"nothing was told by {', '.join(told['silent'])}: see that muster-metrics runs there")
