"""`muster subcluster ...`: subclusters, their definitions as a file, and the revisions of it."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from cluster_admin.cli import changing, shapes, subcluster_copies
from cluster_admin.cli.arguments import Description, SubclusterName, given, something
from cluster_admin.cli.bundles import (
    Changing,
    Defining,
    Listing,
    Recalling,
    Showing,
    add,
)
from cluster_admin.cli.changing import Step
from cluster_admin.cli.columns import Column, Rank, clock, printable
from cluster_admin.cli.errors import Usage
from cluster_admin.cli.looking import Kind, look_of, show_list, show_one
from cluster_admin.cli.resources import path
from cluster_admin.cli.session import Call


def _deployed(told: Any) -> str:
    """Which revision its nodes shall run, and whether they follow each commit."""
    if not told:
        return ""
    number = f"r{told['revision']}" if told["revision"] else "what ran before"
    return f"{number}, follows" if told["mode"] == "follow" else number


SUBCLUSTERS = Kind(
    "subclusters",
    "subclusters/",
    (
        Column("name", rank=Rank.KEY),
        Column("revision"),
        Column("nodes"),
        Column("vips"),
        Column("files", "configuration.files"),
        Column("deployed", "configuration", text=_deployed),
        Column("description"),
    ),
    ("search",),
)
REVISIONS = Kind(
    "revisions",
    "",
    (
        Column("number", rank=Rank.KEY),
        Column("created_at", text=clock),
        Column("author"),
        Column("comment"),
        Column("diff", rank=Rank.ASKED),
        Column("text", rank=Rank.ASKED),
    ),
)
DEFINITIONS = (Column("subcluster", rank=Rank.KEY), Column("text", rank=Rank.KEY))
PLAIN = "text/plain, application/problem+json"
LARGEST_BYTES = 10_000_000

app = typer.Typer(no_args_is_help=True, help="Subclusters, their definitions and revisions.")


@add(app, "list", examples=["muster subcluster list"])
def list_subclusters(call: Call, view: Listing) -> None:
    """List subclusters."""
    show_list(call, SUBCLUSTERS, view)


@add(app, "show", examples=["muster subcluster show default"])
def show(call: Call, subcluster: SubclusterName, view: Showing) -> None:
    """Show a subcluster."""
    show_one(call, SUBCLUSTERS, path("subclusters", subcluster), view)


@add(app, "create", examples=["muster subcluster create outbound --description 'to the world'"])
def create(
    call: Call, subcluster: SubclusterName, how: Changing, description: Description = None
) -> None:
    """Make a subcluster; it is empty at first."""
    body = {"name": subcluster, **given(description=description)}
    changing.change(call, how, [Step(f"subcluster {subcluster}", "POST", "subclusters/", body)])


@add(app, "edit", examples=["muster subcluster edit outbound --description 'mail out'"])
def edit(
    call: Call, subcluster: SubclusterName, how: Changing, description: Description = None
) -> None:
    """Change a subcluster's description."""
    where = path("subclusters", subcluster)
    body = something(given(description=description), "--description TEXT")
    step = Step(f"subcluster {subcluster}", "PATCH", where, body, seen=where)
    changing.change(call, how, [step])


@add(app, "remove", examples=["muster subcluster remove outbound --yes"])
def remove(call: Call, subcluster: SubclusterName, how: Changing) -> None:
    """Remove a subcluster that is empty; its history stays."""
    where = path("subclusters", subcluster)
    step = Step(f"subcluster {subcluster}", "DELETE", where, seen=where)
    question = f"Remove subcluster {subcluster}?"
    changing.change(call, how, [step], question=question)


@add(
    app,
    "definitions",
    examples=[
        "muster subcluster definitions default",
        "muster subcluster definitions default --import definitions.toml --dry-run",
    ],
)
def definitions(
    call: Call,
    subcluster: SubclusterName,
    how: Defining,
    file: Annotated[
        str | None,
        typer.Option("--import", metavar="FILE", help="Replace them by this file; -: stdin."),
    ] = None,
) -> None:
    """Print the definitions that the nodes act on, as a file; or replace them by one."""
    where = path("subclusters", subcluster, "definitions")
    if file is not None:
        step = Step(f"subcluster {subcluster}", "PUT", where, _read(file), where, subcluster)
        question = f"Replace the definitions of {subcluster} by {file}?"
        changing.change(call, how, [step], question=question, done=changing.revisions)
        return
    text = call.client.get(where, accept=PLAIN).body
    look = look_of(call, how)
    if look.for_people:
        shapes.put(text)
    else:
        row = {"subcluster": subcluster, "text": text}
        shapes.one_text(row, DEFINITIONS, look).print()


@add(
    app,
    "revisions",
    examples=["muster subcluster revisions default", "muster subcluster revisions default 12"],
)
def revisions(
    call: Call,
    subcluster: SubclusterName,
    view: Recalling,
    number: Annotated[
        int | None, typer.Argument(metavar="[NUMBER]", help="Show this one, as a diff.")
    ] = None,
) -> None:
    """List the revisions of a subcluster's definitions, newest first; or show one."""
    if number is None:
        show_list(call, REVISIONS, view, path("subclusters", subcluster, "revisions"))
        return
    where = path("subclusters", subcluster, "revisions", number)
    look = look_of(call, view)
    if not look.for_people or view.columns:
        show_one(call, REVISIONS, where, Showing(view.output, view.columns))
        return
    one = call.client.get(where).body
    title = f"r{one['number']} by {one['author']}, {clock(one['created_at'])}: {one['comment']}"
    shapes.tell(printable(title))
    shapes.diff_text(one["diff"], look).print()


app.registered_commands += subcluster_copies.app.registered_commands


def _read(file: str) -> str:
    """The text of a definitions file; raises `Usage` when it cannot be one."""
    try:
        if file == "-":
            data = sys.stdin.buffer.read(LARGEST_BYTES + 1)
        else:
            with Path(file).open("rb") as source:
                data = source.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise Usage(f"definitions file {file}: {error.strerror}; name one that can be read") from (
            error
        )
    if len(data) > LARGEST_BYTES:
        raise Usage(f"definitions file {file} has more than {LARGEST_BYTES} bytes; split it")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Usage(f"definitions file {file} is no UTF-8 text; save it as that") from error
