"""`muster mail`: what happened to mail, in numbers, over time or by whom it concerns."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from cluster_admin.cli import completing, shapes, watching
from cluster_admin.cli.arguments import given
from cluster_admin.cli.bundles import Showing, add
from cluster_admin.cli.columns import Column, Rank, instant
from cluster_admin.cli.durations import moment
from cluster_admin.cli.looking import look_of
from cluster_admin.cli.session import Call
from cluster_admin.cli.shapes import tell

NUMBERS = (
    Column("delivered"),
    Column("deferred"),
    Column("bounced"),
    Column("failed_%", "failed_percent"),
    Column("rejected"),
    Column("connected"),
)
BY_TIME = (Column("time", rank=Rank.KEY, text=instant), *NUMBERS)
BY_NAME = (Column("name", rank=Rank.KEY), *NUMBERS)


class By(StrEnum):
    """What numbers are told by."""

    TIME = "time"
    NODE = "node"
    DOMAIN = "domain"
    CLIENT = "client"
    BINDING = "binding"


app = typer.Typer()


@add(
    app,
    "mail",
    examples=[
        "muster mail",
        "muster mail --by domain --since 1h",
        "muster mail --by node --subcluster default -o csv",
        "muster mail --node mta1 --since 10m --watch",
    ],
)
def mail(
    call: Call,
    view: Showing,
    by: Annotated[By, typer.Option("--by", help="What numbers are told by.")] = By.TIME,
    since: Annotated[
        str, typer.Option("--since", metavar="TIME", help="Not before: 10m, 2h, or a time.")
    ] = "1h",
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="Before: the same.")
    ] = None,
    node: Annotated[
        str | None,
        typer.Option(
            "--node", help="Of this node; by time and node.", autocompletion=completing.nodes
        ),
    ] = None,
    subcluster: Annotated[
        str | None,
        typer.Option(
            "--subcluster", "-s", help="Of this one.", autocompletion=completing.subclusters
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=1_000, help="At most so many names.")
    ] = 50,
) -> None:
    """Count what happened to mail: deliveries, deferrals, bounces, rejections, connections.

    Deferrals are attempts, of which a message may have many. Names beyond the most frequent are
    summed up as (other).
    """
    look, columns = look_of(call, view), BY_TIME if by is By.TIME else BY_NAME
    shapes.picked(columns, look)

    def ask() -> Any:
        query = given(
            by=by.value,
            since=moment(since, "--since"),
            until=moment(until, "--until") if until else None,
            node=node,
            subcluster=subcluster,
            limit=limit,
        )
        return call.client.get("mail/counts/", query).body

    if view.watch is not None:
        watching.watch(lambda: ask()["rows"], columns, look, view.watch)
    told = ask()
    if look.verbatim:
        shapes.one_text(told, columns, look).print()
        return
    shapes.rows_text(told["rows"], columns, look).print()
    if told["more"]:
        tell(f"{told['more']} more names; see them with --limit")
