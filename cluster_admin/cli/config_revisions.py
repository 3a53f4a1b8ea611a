"""Making a revision at the manager: what is sent, what is printed, and what is waited for."""

from typing import TYPE_CHECKING, Any

import typer

from cluster_admin.cli import config_diffs, shapes, waiting
from cluster_admin.cli.arguments import given
from cluster_admin.cli.columns import Column, Rank
from cluster_admin.cli.config_options import COMMITTED, Committing
from cluster_admin.cli.config_proposals import tell_proposed
from cluster_admin.cli.config_remote import ROOT
from cluster_admin.cli.looking import look_of
from cluster_admin.cli.session import Call
from cluster_admin.cli.shapes import tell
from workers.exit_codes import Exit

if TYPE_CHECKING:
    from cluster_admin.cli.client import Client

PROPOSED = (
    Column("node", rank=Rank.KEY),
    Column("files", rank=Rank.KEY),
    Column("diff", rank=Rank.ASKED),
)


def make(
    call: Call, how: Committing, verb: str, body: dict[str, Any], *, subcluster: str = ""
) -> None:
    """Let the manager make a revision by itself, and print it; or what it would change.

    `subcluster`: whose nodes are waited for, if that was asked; empty: all.
    """
    shapes.picked(COMMITTED, look_of(call, how))
    message = {} if how.message is None else {"message": how.message}
    asked = {**body, **message, "dry_run": how.dry_run, **given(emergency=how.emergency or None)}
    answer = call.client.send("POST", f"{ROOT}{verb}/", asked).body
    finish(call, how, answer, subcluster=subcluster)


def finish(call: Call, how: Committing, answer: dict[str, Any], *, subcluster: str = "") -> None:
    """Print what came of it, and wait for the nodes (of a subcluster) if that was asked."""
    if how.dry_run:
        _propose(call, how, answer)
    if "state" in answer:
        tell_proposed(call, how, answer)
        return
    shapes.rows_text([answer], COMMITTED, look_of(call, how)).print()
    if not answer["replicas"]:
        tell("no node is up: the manager alone has it")
    if how.wait:
        missing = running(answer["revision"], subcluster)
        waiting.wait(call.client, call.around, missing, how.timeout)


def running(number: int, subcluster: str = "", *, exactly: bool = False) -> waiting.Missing:
    """Every living node (of the subcluster) runs the revision, or a later one if not `exactly`.

    Nodes that take nothing by themselves (autoupdate = "false") are left out.
    """
    query = {"subcluster": subcluster} if subcluster else {}

    def missing(client: "Client") -> list[str]:
        nodes, _ = client.rows("nodes/", {**query, "verdict": "alive"}, 0)
        alive = {row["name"] for row in nodes}
        rows, _ = client.rows(f"{ROOT}replicas/", query, 0)
        return [
            f"{row['node']} runs r{row['live']}, not r{number}"
            for row in rows
            if row["node"] in alive
            and row["autoupdate"] != "false"
            and (row["live"] != number if exactly else row["live"] < number)
        ]

    return missing


def _propose(call: Call, how: Committing, answer: dict[str, Any]) -> None:
    """Print what each node would get, those alike together; leaves with exit code 10."""
    look = look_of(call, how)
    nodes: dict[str, Any] = answer["nodes"]
    if look.verbatim:
        shapes.one_text(answer, PROPOSED, look).print()
    elif look.for_people and not how.columns:
        in_repository = {"in the repository": answer["diff"]} if "diff" in answer else {}
        config_diffs.put(in_repository | nodes, look)
    else:
        rows = [
            {"node": node, "files": len(diff["files"]), "diff": diff["text"]}
            for node, diff in nodes.items()
        ]
        shapes.rows_text(rows, PROPOSED, look).print()
    if not nodes:
        tell("no node's tree would change")
    raise typer.Exit(Exit.CHANGES_PENDING)
