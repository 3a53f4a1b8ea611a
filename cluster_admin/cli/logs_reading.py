"""`muster logs tail`, `search`, `trace`: what collected logs say, of all nodes, in order."""

from typing import Annotated, Any

import typer

from cluster_admin.cli import completing, log_histograms, shapes
from cluster_admin.cli.arguments import given
from cluster_admin.cli.bundles import Printing, add
from cluster_admin.cli.durations import moment
from cluster_admin.cli.log_lines import COLUMNS, LinePrinter
from cluster_admin.cli.looking import look_of
from cluster_admin.cli.session import Call
from cluster_admin.cli.shapes import Look, tell

app = typer.Typer()

Follow = Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")]
Node = Annotated[
    str | None, typer.Option("--node", help="Of this node.", autocompletion=completing.nodes)
]
Subcluster = Annotated[
    str | None,
    typer.Option(
        "--subcluster", "-s", help="Of this subcluster.", autocompletion=completing.subclusters
    ),
]
Source = Annotated[str | None, typer.Option("--source", help="Of the log of this name.")]
Grep = Annotated[
    str | None,
    typer.Option("--grep", metavar="REGEX", help="Lines in which this expression matches."),
]
Since = Annotated[
    str | None,
    typer.Option("--since", metavar="TIME", help="Not before: 10m, 2h, or a time."),
]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Before: the same.")]
Lines = Annotated[
    int, typer.Option("--lines", "-n", min=0, max=1_000, help="So many of the newest lines.")
]
Limit = Annotated[
    int, typer.Option("--limit", min=1, max=10_000, help="At most so many lines, the first ones.")
]
Histogram = Annotated[
    bool, typer.Option("--histogram", help="How many lines when, instead of the lines.")
]
Bars = Annotated[
    int, typer.Option("--bars", min=1, max=500, help="Of --histogram: into so many spans of time.")
]


@add(
    app,
    "tail",
    examples=[
        "muster logs tail -f",
        "muster logs tail -f --node mta1 --grep 'status=(deferred|bounced)'",
        "muster logs tail -n 20 --source mail -o json",
    ],
)
def tail(
    call: Call,
    view: Printing,
    follow: Follow = False,
    lines: Lines = 20,
    node: Node = None,
    subcluster: Subcluster = None,
    source: Source = None,
    grep: Grep = None,
) -> None:
    """Show the newest lines of all nodes in the order of time; with --follow those that come too.

    The files of now and of an hour ago are looked at, and of each the end.
    """
    from cluster_admin.cli.log_tails import Tail  # HTTP is slow to load, help is to be fast

    query = given(node=node, subcluster=subcluster, source=source, grep=grep or None, lines=lines)
    stream = Tail(call, query, LinePrinter(look_of(call, view)))
    stream.follow() if follow else stream.once()


@add(
    app,
    "search",
    examples=[
        "muster logs search 'status=deferred' --since 2h",
        "muster logs search '(?i)tls handshake' --node mta1 --since 2026-11-28 --until 2026-11-29",
        "muster logs search @example.org --source mail --limit 1000 -o csv",
        "muster logs search 'status=deferred' --since 2h --histogram --bars 24",
    ],
)
def search(
    call: Call,
    view: Printing,
    expression: Annotated[str, typer.Argument(metavar="REGEX")],
    since: Since = None,
    until: Until = None,
    node: Node = None,
    subcluster: Subcluster = None,
    source: Source = None,
    limit: Limit = 500,
    histogram: Histogram = False,
    bars: Bars = 24,
) -> None:
    """Show lines in which a regular expression (Python's) matches, of all nodes, in order of time.

    Of the last day, unless --since and --until say more. With --histogram all that match are
    counted, and -o json has since, until and count of each span.
    """
    look = look_of(call, view)
    shapes.picked(log_histograms.COLUMNS if histogram else COLUMNS, look)
    names = given(node=node, subcluster=subcluster, source=source)
    query = {"grep": expression, **names, **_range(since, until)}
    if histogram:
        told = call.client.get("logs/histogram/", query | {"bars": bars}).body
        log_histograms.show(told, look)
    else:
        _show(call, "logs/lines/", query | {"limit": limit}, look)


@add(
    app,
    "trace",
    examples=[
        "muster logs trace 4bKx2D1qZrz9sT",
        "muster logs trace '<20261129.1234@example.net>' -o json",
        "muster logs trace ada@example.org --since 2h",
    ],
)
def trace(
    call: Call,
    view: Printing,
    key: Annotated[str, typer.Argument(metavar="QUEUE-ID|MESSAGE-ID|ADDRESS")],
    since: Since = None,
    until: Until = None,
    subcluster: Subcluster = None,
    limit: Limit = 500,
) -> None:
    """Show all lines about a message, from node to node, in the order of time.

    Of the last week, unless --since and --until say more.
    """
    look = look_of(call, view)
    shapes.picked(COLUMNS, look)
    names = given(subcluster=subcluster, limit=limit)
    _show(call, "logs/trace/", {"key": key, **names, **_range(since, until)}, look)


def _range(since: str | None, until: str | None) -> dict[str, Any]:
    return given(since=since and moment(since, "--since"), until=until and moment(until, "--until"))


def _show(call: Call, where: str, query: dict[str, Any], look: Look) -> None:
    told = call.client.get(where, query).body
    if look.verbatim:
        shapes.put(shapes.document(told["lines"], look.output))
    else:
        LinePrinter(look).print(told["lines"])
    if told["note"]:
        tell(told["note"])
    elif not told["lines"]:
        tell("nothing was found")
