"""`muster config log`, `show`, `revert`, `clone`, `overlay`, `render`: history, at the manager."""

import base64
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlsplit

import typer

from cluster_admin.cli import completing, shapes
from cluster_admin.cli.arguments import NodeName
from cluster_admin.cli.bundles import Printing, add
from cluster_admin.cli.columns import Column, Rank, clock, printable
from cluster_admin.cli.config_options import AtRevision, Committing, RevisionNumber
from cluster_admin.cli.config_remote import ROOT, Remote, revision_path
from cluster_admin.cli.config_revisions import make
from cluster_admin.cli.errors import Usage
from cluster_admin.cli.looking import look_of
from cluster_admin.cli.resources import path as path_of
from cluster_admin.cli.session import Call
from cluster_admin.cli.shapes import tell

PAGE_ROWS = 1000
REVISIONS = (
    Column("number", rank=Rank.KEY),
    Column("at", rank=Rank.KEY, text=clock),
    Column("author"),
    Column("message", text=lambda told: str(told or "").partition("\n")[0]),
    Column("email", rank=Rank.WIDE),
    Column("commit", rank=Rank.WIDE),
)
LOGGED = (*REVISIONS, Column("path", rank=Rank.WIDE))
MOVED = (*REVISIONS, Column("path"))
"""The same when not all are of the same path."""
FILES = (
    Column("path", rank=Rank.KEY),
    Column("kind", rank=Rank.KEY),
    Column("added"),
    Column("removed"),
    Column("note"),
)
CONTENT = (
    Column("path", rank=Rank.KEY),
    Column("revision", rank=Rank.KEY),
    Column("size"),
    Column("executable"),
    Column("blob"),
    Column("text", rank=Rank.ASKED),
    Column("base64", rank=Rank.ASKED),
)
RENDERED = (
    Column("path", rank=Rank.KEY),
    Column("source"),
    Column("size"),
    Column("executable"),
    Column("secret"),
    Column("text", rank=Rank.ASKED),
    Column("base64", rank=Rank.ASKED),
)

app = typer.Typer()

From = Annotated[
    int | None,
    typer.Option("--from", metavar="N", min=0, help="The older revision. Unset: that before --to."),
]
To = Annotated[
    int | None,
    typer.Option("--to", metavar="N", min=0, help="The newer revision. Unset: the newest."),
]
OfNode = Annotated[
    str | None,
    typer.Option(
        "--node",
        metavar="NODE",
        help="What this node gets of the revisions, rendered.",
        autocompletion=completing.nodes,
    ),
]
InTree = Annotated[
    str | None, typer.Argument(metavar="[PATH]", help="In the repository, such as global/main.cf.")
]
Source = Annotated[str, typer.Argument(metavar="FROM", help="A directory of the repository.")]
Target = Annotated[str, typer.Argument(metavar="TO", help="The directory that is changed.")]


@add(
    app,
    "log",
    examples=["muster config log", "muster config log global/postfix --limit 5 -o wide"],
)
def log(
    call: Call,
    view: Printing,
    path: InTree = None,
    limit: Annotated[int, typer.Option("--limit", min=0, help="At most so many; 0: all.")] = 100,
    before: Annotated[
        int | None, typer.Option("--before", metavar="N", min=1, help="Only older ones than this.")
    ] = None,
) -> None:
    """List revisions, newest first; of a file or directory, those that changed it.

    Of a subcluster that was copied with its history, those of the other come next.
    """
    look = look_of(call, view)
    shapes.picked(LOGGED, look)
    rows: list[Any] = []
    query: dict[str, Any] = {"path": path} if path else {}
    query |= {"before": before} if before else {}
    more = True
    while more and (not limit or len(rows) < limit):
        left = limit - len(rows) if limit else PAGE_ROWS
        query["limit"] = min(PAGE_ROWS, left)
        answer = call.client.get(f"{ROOT}revisions/", query).body
        rows += answer["results"]
        more = bool(answer["next"] and answer["results"])
        query = dict(parse_qsl(urlsplit(answer["next"] or "").query))
    moved = len({row.get("path") for row in rows}) > 1
    shapes.rows_text(rows, MOVED if moved else LOGGED, look).print()
    if more:
        tell(f"the newest {len(rows)}; --limit 0 shows all")
    if path and not rows:
        tell(printable(f"no revision changed {path}; look with: muster config ls"))


@add(
    app,
    "show",
    examples=["muster config show 12", "muster config show 12 global/postfix/main.cf"],
)
def show(call: Call, number: RevisionNumber, view: Printing, path: InTree = None) -> None:
    """Show what a revision changed; or a file as it was then, to the letter."""
    look = look_of(call, view)
    if path is not None and look.for_people:
        shapes.put_bytes(Remote(call.client).content(number, path))
        return
    if path is not None:
        told = call.client.get(f"{revision_path(number)}file/", {"path": path}).body
        shapes.one_text(told, CONTENT, look).print()
        return
    one = call.client.get(revision_path(number)).body
    if not look.for_people or view.columns:
        shapes.one_text(one, (*REVISIONS, Column("files")), look).print()
        return
    tell(printable(f"r{number} by {one['author']}, {clock(one['at'])}"))
    for line in str(one["message"]).splitlines():
        tell(f"  {printable(line)}")
    _print_diff(call, view, {"from": number - 1, "to": number})


@add(app, "revert", examples=["muster config revert 12 -m 'too small after all'"])
def revert(call: Call, number: RevisionNumber, how: Committing) -> None:
    """Take back what one revision changed, as a new revision; later changes stay."""
    make(call, how, "revert", {"revision": number})


@add(app, "clone", examples=["muster config clone staging/default default/default --dry-run"])
def clone(call: Call, source: Source, target: Target, how: Committing) -> None:
    """Make a directory the same as another; what only it has goes away."""
    make(call, how, "copy", {"from": source, "to": target, "merge": False})


@add(app, "overlay", examples=["muster config overlay staging/default default/default"])
def overlay(call: Call, source: Source, target: Target, how: Committing) -> None:
    """Copy a directory's files over those of another; what only that has stays."""
    make(call, how, "copy", {"from": source, "to": target, "merge": True})


@add(
    app,
    "render",
    examples=[
        "muster config render mta1",
        "muster config render mta1 postfix/main.cf --revision 12",
    ],
)
def render(
    call: Call,
    node: NodeName,
    view: Printing,
    path: Annotated[
        str | None, typer.Argument(metavar="[PATH]", help="In the node's tree: print this file.")
    ] = None,
    revision: AtRevision = None,
) -> None:
    """Show what a node gets: overlaid and rendered, secrets by name alone."""
    query: dict[str, str | int] = {"revision": revision} if revision is not None else {}
    query |= {"path": path} if path else {}
    told = call.client.get(f"{ROOT}render/{path_of(node)}", query).body
    look = look_of(call, view)
    [*same] = [file for file in told["files"] if file["path"] == path]
    if same and look.for_people and not view.columns:
        shapes.put_bytes(_content(same[0]))
    elif look.verbatim:
        shapes.one_text(told, RENDERED, look).print()
    else:
        shapes.rows_text(told["files"], RENDERED, look).print()
    tell(f"r{told['revision']} for {told['node']}")


def show_diff(
    call: Call,
    view: Printing,
    revisions: tuple[int | None, int | None],
    paths: Sequence[str],
    node: str | None,
) -> None:
    """Print what differs between two revisions; of a node's tree, if one is named."""
    if len(paths) > 1:
        raise Usage("between revisions name one file or directory, or none")
    asked = {"from": revisions[0], "to": revisions[1], "node": node}
    asked["path"] = paths[0] if paths else None
    _print_diff(call, view, {name: value for name, value in asked.items() if value is not None})


def _print_diff(call: Call, view: Printing, query: dict[str, Any]) -> None:
    look = look_of(call, view)
    shapes.picked(FILES, look)
    told = call.client.get(f"{ROOT}diff/", query).body
    if look.verbatim:
        shapes.one_text(told, FILES, look).print()
    elif look.for_people and not view.columns:
        shapes.diff_text(told["text"], look).print()
    else:
        shapes.rows_text(told["files"], FILES, look).print()
    if told["note"]:
        tell(told["note"])


def _content(file: dict[str, Any]) -> bytes:
    if "base64" in file:
        return base64.b64decode(file["base64"])
    if "text" in file:
        return str(file["text"]).encode()
    raise Usage(f"{file['path']} is too large to be printed: {file['size']} bytes")
