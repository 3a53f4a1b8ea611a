"""`muster config replicas`, `drift`, `put`, `deploy`, `apply`: what nodes have and run."""

from typing import Annotated, Any

import typer

from cluster_admin.cli import changing, completing, shapes
from cluster_admin.cli.arguments import NodeName
from cluster_admin.cli.asking import confirm
from cluster_admin.cli.bundles import Changing, Defining, Listing, Printing, add
from cluster_admin.cli.changing import Step
from cluster_admin.cli.columns import Column, Rank, clock
from cluster_admin.cli.config_options import Committing, RevisionNumber
from cluster_admin.cli.config_remote import ROOT
from cluster_admin.cli.config_revisions import make, running
from cluster_admin.cli.errors import Usage
from cluster_admin.cli.looking import Kind, look_of, show_list
from cluster_admin.cli.resources import path as path_of
from cluster_admin.cli.session import Call
from cluster_admin.cli.shapes import tell

REPLICAS = Kind(
    "replicas",
    f"{ROOT}replicas/",
    (
        Column("node", rank=Rank.KEY),
        Column("live", rank=Rank.KEY),
        Column("number", rank=Rank.KEY),
        Column("drift_count", alarm=True),
        Column("history"),
        Column("trouble", alarm=True, most=60),
        Column("busy"),
        Column("heard_at", text=clock),
        Column("subcluster"),
        Column("autoupdate"),
        Column("target", rank=Rank.WIDE),
        Column("wanted", rank=Rank.WIDE),
        Column("ordered_at", rank=Rank.WIDE, text=clock),
        Column("commit", rank=Rank.WIDE),
        Column("repaired", rank=Rank.WIDE),
        Column("refused", rank=Rank.WIDE),
        Column("live_hash", rank=Rank.ASKED),
    ),
    ("subcluster", "search"),
)
DRIFT = (
    Column("node", rank=Rank.KEY),
    Column("path", rank=Rank.KEY),
    Column("kind", rank=Rank.KEY),
)
DEPLOYMENTS = Kind(
    "deployments",
    f"{ROOT}deployments/",
    (
        Column("subcluster", rank=Rank.KEY),
        Column("mode", rank=Rank.KEY),
        Column("revision", rank=Rank.KEY),
    ),
    paged=False,
)

app = typer.Typer()


@add(app, "replicas", examples=["muster config replicas", "muster config replicas --watch"])
def replicas(call: Call, view: Listing) -> None:
    """List which revision each node has, which it runs, and what is wrong there."""
    show_list(call, REPLICAS, view)


@add(app, "drift", examples=["muster config drift", "muster config drift mta1"])
def drift(
    call: Call,
    view: Printing,
    node: Annotated[
        str | None, typer.Argument(metavar="[NODE]", autocompletion=completing.nodes)
    ] = None,
) -> None:
    """Show what was edited on a node: live revision -> running; unset: which nodes drifted."""
    if node is None:
        _print_drifted(call, view)
        return
    look = look_of(call, view)
    shapes.picked(DRIFT, look)
    told = call.client.get(f"{ROOT}nodes/{path_of(node)}").body
    if look.verbatim:
        shapes.one_text(told, DRIFT, look).print()
    elif look.for_people and not view.columns:
        shapes.diff_text(told["diff"]["text"], look).print()
    else:
        rows = [{"node": node, **each} for each in told["drift"]]
        shapes.rows_text(rows, DRIFT, look).print()
    standing = told["standing"]
    if standing is None:
        tell(f"{node} has not told yet how it stands")
    else:
        tell(f"{node} runs r{standing['live']}; {standing['drift_count']} files differ from it")
    for note in (told["problem"], told["diff"]["note"]):
        if note:
            tell(note)


@add(app, "put", examples=["muster config put mta1", "muster config put mta1 postfix/main.cf"])
def put(
    call: Call,
    node: NodeName,
    how: Committing,
    path: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PATH]...", help="In the node's tree; unset: every edited file."),
    ] = None,
) -> None:
    """Commit what was edited on a node to the node's own directory."""
    make(call, how, f"nodes/{path_of(node)}put", {"paths": path} if path else {})


@add(
    app,
    "deploy",
    examples=[
        "muster config deploy",
        "muster config deploy default 12",
        "muster config deploy default --follow",
    ],
)
def deploy(
    call: Call,
    how: Defining,
    subcluster: Annotated[
        str | None, typer.Argument(metavar="[SUBCLUSTER]", autocompletion=completing.subclusters)
    ] = None,
    revision: Annotated[
        int | None,
        typer.Argument(metavar="[REVISION]", min=1, autocompletion=completing.revisions),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="From now on each commit is deployed at once.")
    ] = False,
    manual: Annotated[
        bool, typer.Option("--manual", help="What is deployed now stays until you say another.")
    ] = False,
) -> None:
    """Say which revision a subcluster's nodes run, older or newer; unset: show what was said."""
    if (revision is not None) + follow + manual > 1:
        raise Usage("say one of REVISION, --follow and --manual")
    if revision is None and not follow and not manual:
        _print_deployments(call, how, subcluster)
        return
    if subcluster is None:
        raise Usage("whose nodes? Say: muster config deploy SUBCLUSTER ...")
    where = f"{ROOT}deployments/{path_of(subcluster)}"
    body: dict[str, Any] = {"mode": "follow" if follow else "manual"}
    body |= {} if revision is None else {"revision": revision}
    step = Step(f"deployment {subcluster}", "PATCH", where, body, where, subcluster)
    number = revision or 0
    done = (lambda _: running(number, subcluster, exactly=True)) if number else None
    changing.change(call, how, [step], done=done)


@add(app, "apply", examples=["muster config apply mta1 12", "muster config apply mta1 12 --yes"])
def apply(
    call: Call,
    node: NodeName,
    revision: RevisionNumber,
    how: Changing,
    over_edits: Annotated[
        bool,
        typer.Option("--over-edits", help="Replace files edited there; the node keeps them aside."),
    ] = False,
) -> None:
    """Have one node apply a revision now, whatever its subcluster runs."""
    where = f"{ROOT}nodes/{path_of(node)}apply/"
    step = Step(f"node {node}", "POST", where, {"revision": revision, "over_edits": over_edits})
    if how.dry_run:
        raise Usage(f"to look, use: muster config diff --node {node} --from LIVE --to {revision}")
    if over_edits and not how.yes:
        confirm(call, f"Replace what was edited on {node}?")
    changing.change(call, how, [step])


def _print_drifted(call: Call, view: Printing) -> None:
    look = look_of(call, view)
    shapes.picked(REPLICAS.columns, look)
    rows, _ = call.client.rows(REPLICAS.where, {}, 0)
    drifted = [row for row in rows if row["drift_count"]]
    shapes.rows_text(drifted, REPLICAS.columns, look).print()
    if not drifted:
        tell(f"none of {len(rows)} nodes differs from what was applied there")


def _print_deployments(call: Call, how: Printing, subcluster: str | None) -> None:
    look = look_of(call, how)
    shapes.picked(DEPLOYMENTS.columns, look)
    if subcluster is None:
        rows = call.client.get(DEPLOYMENTS.where).body
    else:
        rows = [call.client.get(f"{DEPLOYMENTS.where}{path_of(subcluster)}").body]
    shapes.rows_text(rows, DEPLOYMENTS.columns, look).print()
