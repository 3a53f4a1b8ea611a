"""`muster limits top|explain|refusals`: how full limits are, what applies to whom, and why not."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from cluster_admin.cli import completing, shapes, watching
from cluster_admin.cli.arguments import given
from cluster_admin.cli.bundles import Showing, add
from cluster_admin.cli.columns import Column, Rank, clock, plain
from cluster_admin.cli.looking import look_of
from cluster_admin.cli.session import Call
from cluster_admin.cli.shapes import tell


def percent(share: Any) -> str:
    """A share as people read it."""
    return f"{100 * share:.0f} %" if isinstance(share, int | float) else plain(share)


USED = (
    Column("limit", rank=Rank.KEY),
    Column("key", rank=Rank.KEY),
    Column("value", rank=Rank.KEY),
    Column("most", rank=Rank.KEY),
    Column("share", text=percent, rank=Rank.KEY),
    Column("refused", alarm=True),
    Column("per"),
    Column("rate"),
    Column("test"),
    Column("subcluster"),
    Column("subject", rank=Rank.WIDE),
    Column("action", rank=Rank.WIDE),
)
EXPLAINED = (
    Column("limit", rank=Rank.KEY),
    Column("key", rank=Rank.KEY),
    Column("value", rank=Rank.KEY),
    Column("most", rank=Rank.KEY),
    Column("remaining", rank=Rank.KEY),
    Column("share", text=percent),
    Column("nodes", text=lambda nodes: plain(nodes) or "none"),
    Column("rate"),
    Column("subject"),
    Column("stage"),
    Column("action", rank=Rank.WIDE),
    Column("test", rank=Rank.WIDE),
    Column("subcluster", rank=Rank.WIDE),
)
REFUSED = (
    Column("time", rank=Rank.KEY, text=clock),
    Column("node", rank=Rank.KEY),
    Column("limit", rank=Rank.KEY),
    Column("key", rank=Rank.KEY),
    Column("value"),
    Column("most"),
    Column("action"),
    Column("test"),
    Column("subcluster", rank=Rank.WIDE),
)
OfSubcluster = Annotated[
    str | None,
    typer.Option(
        "--subcluster", "-s", help="Of this subcluster.", autocompletion=completing.subclusters
    ),
]
OfNode = Annotated[
    str | None, typer.Option("--node", help="Of this node.", autocompletion=completing.nodes)
]

app = typer.Typer()


@add(
    app,
    "top",
    examples=[
        "muster limits top",
        "muster limits top per-client --near 20",
        "muster limits top --watch",
    ],
)
def top(
    call: Call,
    view: Showing,
    limit: Annotated[
        str | None, typer.Argument(metavar="[LIMIT]", autocompletion=completing.limits)
    ] = None,
    near: Annotated[
        int, typer.Option(min=1, max=20, help="Of one limit: so many keys nearest to it.")
    ] = 10,
    subcluster: OfSubcluster = None,
) -> None:
    """Show how near limits are to being reached: each at its fullest key, or one at several."""
    look = look_of(call, view)
    shapes.picked(USED, look)
    query = given(limit=limit, subcluster=subcluster, near=near)

    def rows() -> list[Any]:
        told = call.client.get("limits/usage/", query).body["rows"]
        if limit is None:
            return list(told)
        return [{**row, **one, "near": []} for row in told for one in row["near"] or [{}]]

    if view.watch is not None:
        watching.watch(rows, USED, look, view.watch)
    shapes.rows_text(rows(), USED, look).print()


@add(
    app,
    "explain",
    examples=[
        "muster limits explain 192.0.2.1",
        "muster limits explain bulk-1::example.com",
        "muster limits explain news@example.net -o json",
    ],
)
def explain(
    call: Call,
    view: Showing,
    key: Annotated[str, typer.Argument(metavar="KEY", help="Address, domain, sender or user.")],
    subcluster: OfSubcluster = None,
) -> None:
    """Show which limits apply to somebody, what each node counted, what remains; and refusals."""
    look = look_of(call, view)
    shapes.picked(EXPLAINED, look)
    query = given(key=key, subcluster=subcluster)
    if view.watch is not None:
        watching.watch(
            lambda: list(call.client.get("limits/explain/", query).body["rows"]),
            *(EXPLAINED, look, view.watch),
        )
    told = call.client.get("limits/explain/", query).body
    if look.verbatim:
        shapes.put(shapes.document(told, look.output))
        return
    shapes.rows_text(told["rows"], EXPLAINED, look).print()
    if look.for_people:
        _tell_refusals(key, told)


@add(
    app,
    "refusals",
    examples=[
        "muster limits refusals",
        "muster limits refusals --limit per-client --node mta1 --top 500 -o csv",
        "muster limits refusals --key 192.0.2.1 --watch",
    ],
)
def refusals(
    call: Call,
    view: Showing,
    limit: Annotated[
        str | None,
        typer.Option("--limit", help="Of this limit.", autocompletion=completing.limits),
    ] = None,
    key: Annotated[str | None, typer.Option("--key", help="Of exactly this key.")] = None,
    node: OfNode = None,
    subcluster: OfSubcluster = None,
    top: Annotated[int, typer.Option(min=1, max=1_000, help="So many of the newest.")] = 100,
) -> None:
    """Show whom limits refused, the newest first; those of limits that are only tried, too."""
    look = look_of(call, view)
    shapes.picked(REFUSED, look)
    query = given(limit=limit, key=key, node=node, subcluster=subcluster, top=top)

    def ask() -> tuple[list[Any], int]:
        told = call.client.get("limits/refusals/", query).body
        rows = [{**row, "id": f"{row['node']} {row['number']}"} for row in told["rows"]]
        return [{**row, "time": _time(row["at"])} for row in rows], told["more"]

    if view.watch is not None:
        watching.watch(lambda: ask()[0], REFUSED, look, view.watch)
    rows, more = ask()
    shapes.rows_text(rows, REFUSED, look).print()
    if more:
        tell(f"{more} older ones; see them with --top")


def _tell_refusals(key: str, told: dict[str, Any]) -> None:
    if not told["rows"]:
        tell(f"no limit applies to {key}; see all with: muster limits list")
    for one in told["refusals"][:5]:
        said = "would have refused" if one["test"] else "refused"
        where = f"{one['node']}: limit {one['limit']}"
        count = f"{one['value']} of {one['most']} were counted"
        tell(f"{clock(_time(one['at']))} {where} {said} it: {count}")


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
