"""`muster config rollout` and what steers one: a revision node by node, canary first.

What a rollout is and does is the manager's; here it is asked for, shown and followed.
"""

import dataclasses
from typing import Annotated, Any
from urllib.parse import quote

import typer

from cluster_admin.cli import config_following, shapes
from cluster_admin.cli.arguments import InSubcluster, subcluster_of, words
from cluster_admin.cli.bundles import DryRun, Listing, Printing, Reason, Showing, add
from cluster_admin.cli.columns import Column, Rank, clock
from cluster_admin.cli.config_options import Patience, RevisionNumber
from cluster_admin.cli.config_remote import ROOT
from cluster_admin.cli.durations import seconds
from cluster_admin.cli.errors import Usage
from cluster_admin.cli.looking import Kind, look_of, show_list, show_one
from cluster_admin.cli.resources import path as path_of
from cluster_admin.cli.session import Call
from cluster_admin.cli.shapes import tell
from workers.exit_codes import Exit

ROLLOUTS = Kind(
    "rollouts",
    f"{ROOT}rollouts/",
    (
        Column("id", rank=Rank.KEY),
        Column("subcluster", rank=Rank.KEY),
        Column("revision", rank=Rank.KEY),
        Column("phase", rank=Rank.KEY),
        Column("counts"),
        Column("sentence", most=60),
        Column("started_by"),
        Column("started_at", text=clock),
        Column("ended_at", rank=Rank.WIDE, text=clock),
        Column("previous", rank=Rank.WIDE),
        Column("progress", rank=Rank.WIDE),
        Column("reason", rank=Rank.WIDE),
        Column("failed", rank=Rank.WIDE),
        Column("nodes", rank=Rank.WIDE),
        Column("batch", rank=Rank.WIDE),
        Column("batches", rank=Rank.WIDE),
    ),
    ("subcluster", "phase"),
)
PLANNED = (
    Column("node", rank=Rank.KEY),
    Column("batch", rank=Rank.KEY),
    Column("old"),
    Column("problem"),
    Column("diff", rank=Rank.ASKED),
)
STOPS = ("canary", "batches")
app = typer.Typer()

RolloutId = Annotated[
    int | None, typer.Argument(metavar="[ID]", min=1, help="Unset: the one under way.")
]
Wait = Annotated[
    bool, typer.Option("--wait", help="Follow it to its end, with a progress bar on a terminal.")
]


Canary = Annotated[int, typer.Option("--canary", min=1, help="Nodes that go first.")]
Batch = Annotated[int, typer.Option("--batch", min=1, help="Nodes at once after it.")]
Pauses = Annotated[
    list[str] | None,
    typer.Option(
        "--pause",
        metavar="DURATION|canary|batches",
        help="How long a node has to be well with it (30s); canary, batches: after these it waits "
        "for rollout-resume. May be given twice.",
    ),
]
Order = Annotated[
    str | None,
    typer.Option("--order", metavar="A,B", help="Nodes that go first, in this order."),
]
Drain = Annotated[
    bool, typer.Option("--drain", help="Nodes give their VIPs away before their turn.")
]
DrainTimeout = Annotated[
    str | None,
    typer.Option("--drain-timeout", metavar="DURATION", help="Longest wait for that. (2m)"),
]
ApplyTimeout = Annotated[
    str | None,
    typer.Option(
        "--apply-timeout", metavar="DURATION", help="Longest wait for a node to have it. (2m)"
    ),
]
OverEdits = Annotated[
    bool, typer.Option("--over-edits", help="Replace files edited on nodes; they keep them aside.")
]
MailLimit = Annotated[
    int,
    typer.Option(
        "--mail-limit",
        metavar="PERCENT",
        min=0,
        max=100,
        help="It has failed on a node where so many percentage points more deliveries than before "
        "are deferred or bounced; 0: mail is not looked at. Needs --pause 2m or longer.",
    ),
]


@dataclasses.dataclass(frozen=True, slots=True)
class Turns:
    """Which nodes have their turn when, and what has to hold between turns."""

    canary: Canary = 1
    batch: Batch = 1
    pause: Pauses = None
    order: Order = None
    drain: Drain = False
    drain_timeout: DrainTimeout = None
    apply_timeout: ApplyTimeout = None
    over_edits: OverEdits = False
    mail_limit: MailLimit = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Following(Printing):
    """How a rollout is steered, and whether it is followed."""

    reason: Reason = ""
    wait: Wait = False
    timeout: Patience = 3600


@dataclasses.dataclass(frozen=True, slots=True)
class Starting(Following):
    """How a rollout is started."""

    dry_run: DryRun = False


@add(
    app,
    "rollout",
    examples=[
        "muster config rollout 12 --dry-run",
        "muster config rollout 12 --canary 1 --batch 5 --pause 60s --drain --wait",
        "muster config rollout 12 --order mta3,mta1 --pause canary",
        "muster config rollout 12 --pause 5m --mail-limit 5",
    ],
)
def rollout(
    call: Call,
    revision: RevisionNumber,
    how: Starting,
    turns: Turns,
    subcluster: InSubcluster = None,
) -> None:
    """Deploy a revision canary first, then in batches; one failure takes it back everywhere."""
    body = {"subcluster": subcluster_of(call, subcluster), "revision": revision, **_said(turns)}
    if how.dry_run:
        _propose(call, how, body)
        return
    told = call.client.send("POST", ROLLOUTS.where, body, headers=_reason(how)).body
    if how.wait:
        tell(f"rollout {told['id']} has begun")
    _finish(call, how, told)


@add(app, "rollouts", examples=["muster config rollouts", "muster config rollouts --limit 5"])
def rollouts(call: Call, view: Listing) -> None:
    """List rollouts, newest first."""
    show_list(call, ROLLOUTS, view)


@add(
    app,
    "rollout-show",
    examples=["muster config rollout-show", "muster config rollout-show 3 --watch"],
)
def rollout_show(call: Call, view: Showing, rollout: RolloutId = None) -> None:
    """Show a rollout: how each node stands, and what happened; unset: the newest."""
    number = rollout or _newest(call)
    columns = (*ROLLOUTS.columns, *map(Column, ("settings", "members", "facts")))
    show_one(call, dataclasses.replace(ROLLOUTS, columns=columns), _where(number), view)


@add(app, "rollout-pause", examples=["muster config rollout-pause --reason 'too loud'"])
def rollout_pause(call: Call, how: Following, rollout: RolloutId = None) -> None:
    """Let no further node have its turn; those that had it are watched on."""
    _steer(call, how, "pause", rollout)


@add(app, "rollout-resume", examples=["muster config rollout-resume --wait"])
def rollout_resume(call: Call, how: Following, rollout: RolloutId = None) -> None:
    """Let a paused rollout go on."""
    _steer(call, how, "resume", rollout)


@add(app, "rollout-abort", examples=["muster config rollout-abort --reason 'wrong one' --wait"])
def rollout_abort(call: Call, how: Following, rollout: RolloutId = None) -> None:
    """Order every node that has the revision back to what it had."""
    _steer(call, how, "abort", rollout)


def _steer(call: Call, how: Following, verb: str, number: int | None) -> None:
    where = _where(number or _under_way(call))
    told = call.client.send("POST", f"{where}{verb}/", headers=_reason(how)).body
    _finish(call, how, told, aborting=verb == "abort")


def _finish(call: Call, how: Following, told: dict[str, Any], *, aborting: bool = False) -> None:
    """Print how it stands; at its end, if that is waited for."""
    if not how.wait:
        shapes.rows_text([told], ROLLOUTS.columns, look_of(call, how)).print()
        return
    where = _where(told["id"])
    try:
        told = config_following.follow(call.client, call.around, where, how.timeout)
    except KeyboardInterrupt:
        tell("no longer waiting, the rollout goes on; stop it with: muster config rollout-abort")
        raise
    shapes.rows_text([told], ROLLOUTS.columns, look_of(call, how)).print()
    if not (aborting and told["phase"] == "aborted"):
        config_following.conclude(told)


def _propose(call: Call, how: Starting, body: dict[str, Any]) -> None:
    """Print who would have its turn when, and what each node would get; leaves with code 10."""
    look = look_of(call, how)
    told = call.client.send("POST", ROLLOUTS.where, body, query={"dry_run": 1}).body
    if look.verbatim:
        shapes.one_text(told, PLANNED, look).print()
    elif look.for_people and not how.columns:
        for one in told["nodes"]:
            shapes.put(f"=== {one['node']} (r{one['old']} -> r{told['revision']})\n")
            shapes.diff_text(one["diff"] or one["problem"], look).print()
    else:
        turns = {node: n for n, names in enumerate(told["batches"]) for node in names}
        rows = [{**one, "batch": turns[one["node"]]} for one in told["nodes"]]
        shapes.rows_text(rows, PLANNED, look).print()
    for number, names in enumerate(told["batches"]):
        tell(f"{f'batch {number}' if number else 'canary'}: {', '.join(names)}")
    for why in told["away"].values():
        tell(f"{why}: skipped, unless it is back at its turn")
    raise typer.Exit(Exit.CHANGES_PENDING)


def _said(turns: Turns) -> dict[str, Any]:
    """What the options say, as the API has it."""
    body: dict[str, Any] = {
        "canary": turns.canary,
        "batch": turns.batch,
        "order": words(turns.order) or [],
        "drain": turns.drain,
        "over_edits": turns.over_edits,
        "mail_limit": turns.mail_limit,
    }
    for name, told in (("drain", turns.drain_timeout), ("apply", turns.apply_timeout)):
        if told is not None:
            body[f"{name}_seconds"] = seconds(told, f"--{name}-timeout")
    for one in turns.pause or ():
        if one in STOPS:
            body["stops"] = one
        else:
            body["pause_seconds"] = seconds(one, "--pause")
    return body


def _reason(how: Following) -> dict[str, str]:
    return {"X-Muster-Reason": quote(how.reason)} if how.reason else {}


def _where(number: int) -> str:
    return f"{ROLLOUTS.where}{path_of(number)}"


def _newest(call: Call) -> int:
    rows, _ = call.client.rows(ROLLOUTS.where, {"ordering": "-id"}, 1)
    if not rows:
        raise Usage("there was no rollout yet; start one with: muster config rollout REVISION")
    return int(rows[0]["id"])


def _under_way(call: Call) -> int:
    """The only rollout that has not ended."""
    phases = ("running", "paused", "turning_back")
    rows = [
        row for phase in phases for row in call.client.rows(ROLLOUTS.where, {"phase": phase}, 20)[0]
    ]
    if len(rows) == 1:
        return int(rows[0]["id"])
    if not rows:
        raise Usage("no rollout is under way; see them with: muster config rollouts")
    names = ", ".join(f"{row['id']} ({row['subcluster']})" for row in rows)
    raise Usage(f"which rollout? Name one of {names}")
