"""`muster logs source ...`: which logs the nodes of a subcluster ship."""

from typing import Annotated, Any

import typer

from cluster_admin.cli import changing, completing
from cluster_admin.cli.arguments import (
    InSubcluster,
    given,
    numbered_path,
    something,
    subcluster_of,
    words,
)
from cluster_admin.cli.bundles import Defining, Listing, Showing, add
from cluster_admin.cli.changing import Step
from cluster_admin.cli.columns import Column, Rank, plain
from cluster_admin.cli.looking import Kind, show_list, show_one
from cluster_admin.cli.session import Call

SOURCES = Kind(
    "log sources",
    "logs/sources/",
    (
        Column("name", rank=Rank.KEY),
        Column("path", rank=Rank.KEY),
        Column("subcluster"),
        Column("nodes", text=lambda nodes: plain(nodes) or "all"),
        Column("id", rank=Rank.WIDE),
    ),
    ("subcluster", "name", "search"),
)

app = typer.Typer(no_args_is_help=True, help="Which logs nodes ship.")

Name = Annotated[str, typer.Argument(metavar="SOURCE", autocompletion=completing.log_sources)]
NewName = Annotated[str, typer.Argument(metavar="SOURCE", help="One word in lower case.")]
LogPath = Annotated[
    str, typer.Option("--path", metavar="PATH", help="Absolute; may be a glob: /var/log/mail*.log.")
]
OtherPath = Annotated[str | None, typer.Option("--path", metavar="PATH", help="Absolute; a glob?")]
Nodes = Annotated[
    str | None,
    typer.Option(
        "--nodes",
        metavar="NODE,NODE",
        help='Those that ship it; "": all of the subcluster.',
        autocompletion=completing.nodes,
    ),
]


@add(
    app,
    "list",
    examples=["muster logs source list", "muster logs source list --filter subcluster=default"],
)
def list_sources(call: Call, view: Listing) -> None:
    """List the logs that nodes ship."""
    show_list(call, SOURCES, view)


@add(app, "show", examples=["muster logs source show mail -s default"])
def show(call: Call, source: Name, view: Showing, subcluster: InSubcluster = None) -> None:
    """Show one of them."""
    show_one(call, SOURCES, _path(call, source, subcluster), view)


@add(
    app,
    "add",
    examples=[
        "muster logs source add mail --path /var/log/mail.log",
        "muster logs source add web --path '/var/log/nginx/*.log' --nodes mta1,mta2 --dry-run",
    ],
)
def add_source(
    call: Call,
    source: NewName,
    how: Defining,
    path: LogPath,
    nodes: Nodes = None,
    subcluster: InSubcluster = None,
) -> None:
    """Have nodes ship a log; from its beginning, to every subscriber."""
    body = {"name": source, "subcluster": subcluster_of(call, subcluster), "path": path}
    step = Step(f"log source {source}", "POST", "logs/sources/", body | _nodes(nodes))
    changing.change(call, how, [step], done=changing.revisions)


@add(app, "edit", examples=["muster logs source edit mail --nodes mta1 --reason 'only there'"])
def edit(
    call: Call,
    source: Name,
    how: Defining,
    path: OtherPath = None,
    nodes: Nodes = None,
    subcluster: InSubcluster = None,
) -> None:
    """Change a log's path, or the nodes that ship it; what is not named stays."""
    body = something(given(path=path) | _nodes(nodes), "--path /var/log/mail.log")
    where = _path(call, source, subcluster)
    step = Step(f"log source {source}", "PATCH", where, body, seen=where)
    changing.change(call, how, [step], done=changing.revisions)


@add(app, "remove", examples=["muster logs source remove mail --yes"])
def remove(call: Call, source: Name, how: Defining, subcluster: InSubcluster = None) -> None:
    """Have nodes ship a log no longer; what they have not shipped yet stays on their disks."""
    where = _path(call, source, subcluster)
    step = Step(f"log source {source}", "DELETE", where, seen=where)
    question = f"Remove log source {source}?"
    changing.change(call, how, [step], question=question, done=changing.revisions)


def _nodes(written: str | None) -> dict[str, Any]:
    return given(nodes=words(written))


def _path(call: Call, name: str, subcluster: str | None) -> str:
    query = given(name=name, subcluster=subcluster or None)
    thing, listing = f"log source {name}", "muster logs source list"
    return numbered_path(call, SOURCES.where, query, thing, listing)
