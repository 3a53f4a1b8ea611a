"""`muster logs subscriber ...`: which collectors take the logs of a subcluster."""

from typing import Annotated

import typer

from cluster_admin.cli import changing, completing, sizes
from cluster_admin.cli.arguments import InSubcluster, given, numbered_path, something, subcluster_of
from cluster_admin.cli.bundles import Changing, Defining, Listing, add
from cluster_admin.cli.changing import Step
from cluster_admin.cli.columns import Column, Rank
from cluster_admin.cli.looking import Kind, show_list
from cluster_admin.cli.session import Call

SUBSCRIBERS = Kind(
    "log subscribers",
    "logs/subscribers/",
    (
        Column("name", rank=Rank.KEY),
        Column("subcluster", rank=Rank.KEY),
        Column("backlog", "backlog_bytes", text=sizes.shown),
        Column("id", rank=Rank.WIDE),
    ),
    ("subcluster", "name", "search"),
)

app = typer.Typer(no_args_is_help=True, help="Which collectors take the logs.")

Name = Annotated[
    str, typer.Argument(metavar="SUBSCRIBER", autocompletion=completing.log_subscribers)
]
NewName = Annotated[
    str, typer.Argument(metavar="SUBSCRIBER", help="The name in its collector.toml.")
]
Backlog = Annotated[
    str | None,
    typer.Option(
        "--backlog",
        metavar="SIZE",
        help="What a node keeps for it while it is away, 1MiB to 1TiB; then the oldest is dropped, "
        "and told. 1GiB unless given.",
    ),
]
Force = Annotated[
    bool, typer.Option("--force", help="Although it is there, or logs wait for it: they are lost.")
]


@add(
    app,
    "list",
    examples=["muster logs subscriber list", "muster logs subscriber list --filter name=manager"],
)
def list_subscribers(call: Call, view: Listing) -> None:
    """List who takes logs; how far each is: muster logs show."""
    show_list(call, SUBSCRIBERS, view)


@add(
    app,
    "add",
    examples=[
        "muster logs subscriber add manager",
        "muster logs subscriber add archive --backlog 20GiB -s default --dry-run",
    ],
)
def add_subscriber(
    call: Call,
    subscriber: NewName,
    how: Defining,
    backlog: Backlog = None,
    subcluster: InSubcluster = None,
) -> None:
    """Have nodes ship their logs to a collector, from the beginning of what they have."""
    body = {"name": subscriber, "subcluster": subcluster_of(call, subcluster)}
    body |= given(backlog_bytes=_bytes(backlog))
    step = Step(f"log subscriber {subscriber}", "POST", "logs/subscribers/", body)
    changing.change(call, how, [step], done=changing.revisions)


@add(app, "edit", examples=["muster logs subscriber edit archive --backlog 50GiB"])
def edit(
    call: Call,
    subscriber: Name,
    how: Defining,
    backlog: Backlog = None,
    subcluster: InSubcluster = None,
) -> None:
    """Change how much nodes keep for it while it is away."""
    body = something(given(backlog_bytes=_bytes(backlog)), "--backlog 20GiB")
    where = _path(call, subscriber, subcluster)
    step = Step(f"log subscriber {subscriber}", "PATCH", where, body, seen=where)
    changing.change(call, how, [step], done=changing.revisions)


@add(app, "remove", examples=["muster logs subscriber remove archive -s default --yes"])
def remove(call: Call, subscriber: Name, how: Defining, subcluster: InSubcluster = None) -> None:
    """Have a subcluster ship to it no longer; it still takes what waits at the broker."""
    where = _path(call, subscriber, subcluster)
    step = Step(f"log subscriber {subscriber}", "DELETE", where, seen=where)
    question = f"Remove log subscriber {subscriber}? What its nodes keep for it is not shipped."
    changing.change(call, how, [step], question=question, done=changing.revisions)


@add(
    app,
    "decommission",
    examples=[
        "muster logs subscriber decommission archive --dry-run",
        "muster logs subscriber decommission archive --force --yes --reason 'its disk is gone'",
    ],
)
def decommission(call: Call, subscriber: Name, how: Changing, force: Force = False) -> None:
    """Take one away for good: out of all subclusters, and its queue off the broker.

    Refused while it takes logs, or some wait for it. What died halfway is finished by doing it
    again.
    """
    body = {"name": subscriber}
    step = Step(f"log subscriber {subscriber}", "POST", "logs/decommission/", body, force=force)
    changing.change(call, how, [step], question=f"Decommission log subscriber {subscriber}?")


def _bytes(written: str | None) -> int | None:
    return None if written is None else sizes.size(written, "--backlog")


def _path(call: Call, name: str, subcluster: str | None) -> str:
    query = given(name=name, subcluster=subcluster or None)
    thing, listing = f"log subscriber {name}", "muster logs subscriber list"
    return numbered_path(call, SUBSCRIBERS.where, query, thing, listing)
