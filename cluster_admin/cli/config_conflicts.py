"""`muster config conflict`, `master`, `override`, `resume`: histories that stand against another.

`muster config resolve --with NODE` is of these, too: it merges.
"""

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote

import typer

from cluster_admin.cli import completing, config_diffs, shapes
from cluster_admin.cli.arguments import NodeName
from cluster_admin.cli.asking import confirm
from cluster_admin.cli.bundles import Changing, Printing, add
from cluster_admin.cli.columns import Column, Rank, clock
from cluster_admin.cli.config_remote import ROOT
from cluster_admin.cli.errors import Refused
from cluster_admin.cli.looking import look_of
from cluster_admin.cli.resources import path as path_of
from cluster_admin.cli.session import Call
from cluster_admin.cli.shapes import tell
from workers.exit_codes import Exit

WHERE = f"{ROOT}conflict/"
REPLICAS = (
    Column("node", rank=Rank.KEY),
    Column("state", rank=Rank.KEY),
    Column("number", rank=Rank.KEY),
    Column("ancestor"),
    Column("theirs"),
    Column("ours"),
    Column("differs"),
    Column("fetched"),
    Column("trouble"),
    Column("subcluster", rank=Rank.WIDE),
    Column("seen_at", rank=Rank.WIDE, text=clock),
    Column("commit", rank=Rank.WIDE),
)
REVISIONS = (
    Column("side", rank=Rank.KEY),
    Column("number", rank=Rank.KEY),
    Column("message", rank=Rank.KEY, text=lambda told: str(told or "").partition("\n")[0], most=60),
    Column("author"),
    Column("at", text=clock),
    Column("commit", rank=Rank.WIDE),
)
ENDED = (
    Column("target", rank=Rank.KEY),
    Column("outcome", rank=Rank.KEY),
    Column("head"),
    Column("given_up"),
    Column("revision"),
    Column("open"),
)
app = typer.Typer()


@add(
    app,
    "conflict",
    examples=[
        "muster config conflict",
        "muster config conflict mta1",
        "muster config conflict -o json",
    ],
)
def conflict(
    call: Call,
    view: Printing,
    node: Annotated[
        str | None, typer.Argument(metavar="[NODE]", autocompletion=completing.nodes)
    ] = None,
) -> None:
    """List nodes with revisions that the manager lacks; of one node, what each side has alone."""
    look = look_of(call, view)
    shapes.picked(REPLICAS if node is None else REVISIONS, look)
    told = call.client.get(WHERE).body
    if node is not None:
        _print_revisions(call, view, told, node)
        return
    if look.verbatim:
        shapes.one_text(told, REPLICAS, look).print()
    else:
        shapes.rows_text(told["replicas"], REPLICAS, look).print()
    for one in told["lost"]:
        what = f"{_revisions(one['count'])} up to r{one['number']}"
        tell(f"given up: {what}, kept as {one['name']}")
    if told["conflict"]:
        tell("nothing is committed now; decide: muster config master, override or resolve --with")
    elif told["replicas"]:
        tell("commits go on: nothing waits for a decision")
    else:
        tell("no conflict: no node has revisions that the manager lacks")


@add(
    app,
    "master",
    examples=["muster config master mta1 --dry-run", "muster config master mta1 --reason 'disk'"],
)
def master(call: Call, node: NodeName, how: Changing) -> None:
    """Let a node's history count: the manager takes it up, and keeps its own aside."""
    decide(call, how, f"{path_of(node)}master", node)


@add(
    app,
    "override",
    examples=["muster config override mta1 --dry-run", "muster config override mta1 --yes"],
)
def override(call: Call, node: NodeName, how: Changing) -> None:
    """Let the manager's history count: the node takes it up, and keeps its own aside."""
    decide(call, how, f"{path_of(node)}override", node)


@add(
    app,
    "resume",
    examples=["muster config resume", "muster config resume --force --reason 'mta1 is scrapped'"],
)
def resume(
    call: Call,
    how: Changing,
    force: Annotated[
        bool, typer.Option("--force", help="Though nodes differ, which stay as they are.")
    ] = False,
) -> None:
    """Commit again: nothing differs any more."""
    decide(call, how, "resume", "commits", {"force": True} if force else None)


def decide(
    call: Call, how: Changing, verb: str, target: str, body: Mapping[str, Any] | None = None
) -> None:
    """Have the manager decide, once it was said what would be given up; print what came of it."""
    look = look_of(call, how)
    shapes.picked(ENDED, look)
    headers = {"X-Muster-Reason": quote(how.reason)} if how.reason else {}
    where = f"{WHERE}{verb}/"
    if how.dry_run or not how.yes:
        tried = call.client.send("POST", where, body, query={"dry_run": 1}).body
        if how.dry_run:
            _print_ended(call, how, target, "pending", tried)
            raise typer.Exit(Exit.CHANGES_PENDING)
        if tried["given_up"]:
            what = _revisions(tried["given_up"])
            merging = verb.endswith("resolve")
            confirm(call, f"Merge {what}?" if merging else f"Give up {what}, to be kept aside?")
    told = call.client.send("POST", where, body, headers=headers).body
    _print_ended(call, how, target, "done", told)
    if told["open"]:
        tell(f"still to be decided: {', '.join(told['open'])}")


def _revisions(count: int) -> str:
    return f"{count} revision{'' if count == 1 else 's'}"


def _print_ended(
    call: Call, how: Changing, target: str, outcome: str, told: Mapping[str, Any]
) -> None:
    look = look_of(call, how)
    if look.for_people and not how.columns:
        config_diffs.put(told.get("nodes") or {}, look)
    shapes.rows_text([{"target": target, "outcome": outcome, **told}], ENDED, look).print()


def _print_revisions(call: Call, view: Printing, told: Mapping[str, Any], node: str) -> None:
    """What only the node has, and what only the manager has."""
    found = [one for one in told["replicas"] if one["node"] == node]
    if not found:
        raise Refused(f"{node} has no revision that the manager lacks; see: muster config conflict")
    rows = [
        {"side": side, **revision}
        for side, name in ((node, "their_revisions"), ("manager", "our_revisions"))
        for revision in found[0][name]
    ]
    shapes.rows_text(rows, REVISIONS, look_of(call, view)).print()
    if not found[0]["fetched"]:
        tell(f"the history of {node} was not fetched yet; {found[0]['trouble'] or 'look again'}")
    elif found[0]["ancestor"] is not None:
        tell(f"both have r{found[0]['ancestor']} and what led to it")
