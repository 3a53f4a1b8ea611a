"""`muster limits list|show|add|set|remove|cut-off`: what is limited, as it is defined."""

from typing import Annotated, Any

import typer

from cluster_admin.cli import changing
from cluster_admin.cli.arguments import InSubcluster, given, numbered_path, something, subcluster_of
from cluster_admin.cli.bundles import Defining, Listing, Showing, add
from cluster_admin.cli.changing import Step
from cluster_admin.cli.columns import Column, Rank, plain
from cluster_admin.cli.limit_options import (
    Apart,
    Counted,
    Limit,
    Most,
    NewLimit,
    OtherApart,
    OtherCounted,
    OtherMost,
    Qualities,
    rate,
)
from cluster_admin.cli.looking import Kind, show_list, show_one
from cluster_admin.cli.resources import path
from cluster_admin.cli.session import Call
from workers.replication.core.definitions import CutOff

LIMITS = Kind(
    "limits",
    "limits/",
    (
        Column("name", rank=Rank.KEY),
        Column("subject", rank=Rank.KEY),
        Column("per", rank=Rank.KEY),
        Column("most", rank=Rank.KEY),
        Column("window", text=lambda seconds: f"{plain(seconds)} s" if seconds else ""),
        Column("match"),
        Column("where", "binding host domain throttle", brief=True),
        Column("action"),
        Column("test"),
        Column("enabled"),
        Column("subcluster"),
        Column("binding", rank=Rank.WIDE),
        Column("host", rank=Rank.WIDE),
        Column("domain", rank=Rank.WIDE),
        Column("throttle", rank=Rank.WIDE),
        Column("stage", rank=Rank.WIDE),
        Column("prefix_v4", rank=Rank.WIDE),
        Column("prefix_v6", rank=Rank.WIDE),
        Column("message", rank=Rank.WIDE),
        Column("id", rank=Rank.WIDE),
    ),
    ("subcluster", "name", "subject", "enabled", "search"),
)
LIMITING = Kind("limiting", "", (Column("cut_off"), Column("test")), paged=False)

app = typer.Typer()


@add(
    app,
    "list",
    examples=["muster limits list", "muster limits list --filter subject=inbound-messages"],
)
def list_limits(call: Call, view: Listing) -> None:
    """List limits as they are defined; how full they are: muster limits top."""
    show_list(call, LIMITS, view)


@add(app, "show", examples=["muster limits show per-client -s default"])
def show(call: Call, limit: Limit, view: Showing, subcluster: InSubcluster = None) -> None:
    """Show one of them."""
    show_one(call, LIMITS, _path(call, limit, subcluster), view)


@add(
    app,
    "add",
    examples=[
        "muster limits add per-client --subject inbound-messages --per address --most 100/60s",
        "muster limits add nets --subject inbound-recipients --per network --most 1000/h "
        "--prefix-v4 24 --prefix-v6 48 --test",
        "muster limits add bulk --subject outbound-connections --per domain --most 20 "
        "--binding bulk-1 --dry-run",
    ],
)
def add_limit(
    call: Call,
    limit: NewLimit,
    how: Defining,
    subject: Counted,
    per: Apart,
    most: Most,
    more: Qualities,
    subcluster: InSubcluster = None,
) -> None:
    """Add a limit. Nodes count from the moment they act on it."""
    body = {"name": limit, "subcluster": subcluster_of(call, subcluster)}
    body |= {"subject": subject.value, "per": per.value, **rate(most), **more.body()}
    step = Step(f"limit {limit}", "POST", "limits/", body)
    changing.change(call, how, [step], done=changing.revisions)


@add(
    app,
    "set",
    examples=[
        "muster limits set per-client --most 200/60s",
        "muster limits set nets --no-test --action reject --reason 'a week of looking'",
        "muster limits set bulk --disable --yes",
    ],
)
def set_limit(
    call: Call,
    limit: Limit,
    how: Defining,
    more: Qualities,
    subject: OtherCounted = None,
    per: OtherApart = None,
    most: OtherMost = None,
    subcluster: InSubcluster = None,
) -> None:
    """Change a limit; what is not named stays. No node has to start anew."""
    words = {"subject": subject and subject.value, "per": per and per.value}
    body = something({**given(**words), **rate(most), **more.body()}, "--most 200/60s")
    where = _path(call, limit, subcluster)
    step = Step(f"limit {limit}", "PATCH", where, body, seen=where)
    changing.change(call, how, [step], done=changing.revisions)


@add(app, "remove", examples=["muster limits remove per-client --yes"])
def remove(call: Call, limit: Limit, how: Defining, subcluster: InSubcluster = None) -> None:
    """Remove a limit; refused while an exemption names it."""
    where = _path(call, limit, subcluster)
    step = Step(f"limit {limit}", "DELETE", where, seen=where)
    question = f"Remove limit {limit}?"
    changing.change(call, how, [step], question=question, done=changing.revisions)


@add(
    app,
    "cut-off",
    examples=[
        "muster limits cut-off",
        "muster limits cut-off full -s default",
        "muster limits cut-off share --test --reason 'limits are tried first'",
    ],
)
def cut_off(
    call: Call,
    how: Defining,
    policy: Annotated[
        CutOff | None, typer.Argument(metavar="[share|full|refuse]", show_default=False)
    ] = None,
    test: Annotated[
        bool | None,
        typer.Option("--test/--no-test", help="All limits only say what they would refuse."),
    ] = None,
    subcluster: InSubcluster = None,
) -> None:
    """Say what nodes grant that hear nothing of their peers: their share of a limit, all, nothing.

    Without a word it is shown.
    """
    name = subcluster_of(call, subcluster)
    where = path("subclusters", name, "limiting")
    said = given(cut_off=policy and policy.value, test=test)
    if not said:
        show_one(call, LIMITING, where, Showing(how.output, how.columns))
        return
    body = {**call.client.get(where).body, **said}
    step = Step(f"limiting of {name}", "PUT", where, body, where, name)
    changing.change(call, how, [step], done=changing.revisions)


def _path(call: Call, name: str, subcluster: str | None) -> str:
    query: dict[str, Any] = given(name=name, subcluster=subcluster or None)
    return numbered_path(call, LIMITS.where, query, f"limit {name}", "muster limits list")
