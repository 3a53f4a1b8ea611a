"""`muster config proposals`: changes that wait for another person; the rules that ask for them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from cluster_admin.cli import completing, config_diffs, shapes
from cluster_admin.cli.bundles import Changing, DryRun, Listing, Printing, add
from cluster_admin.cli.changing import Step, change
from cluster_admin.cli.columns import Column, Rank, clock, printable
from cluster_admin.cli.config_options import COMMITTED, title
from cluster_admin.cli.config_remote import ROOT
from cluster_admin.cli.errors import Refused, Usage
from cluster_admin.cli.looking import Kind, look_of, show_list
from cluster_admin.cli.resources import path as path_of
from cluster_admin.cli.session import Call
from cluster_admin.cli.shapes import tell
from workers.exit_codes import Exit

PROPOSALS = Kind(
    "proposals",
    f"{ROOT}proposals/",
    (
        Column("number", rank=Rank.KEY),
        Column("state", rank=Rank.KEY),
        Column("author", rank=Rank.KEY),
        Column("message", text=title, most=60),
        Column("places"),
        Column("files"),
        Column("created_at", text=clock),
        Column("decided_by"),
        Column("revision"),
        Column("base", rank=Rank.WIDE),
        Column("size", rank=Rank.WIDE),
        Column("decided_at", rank=Rank.WIDE, text=clock),
        Column("comment", rank=Rank.WIDE),
    ),
    ("state", "author"),
)
WHOLE = (
    *PROPOSALS.columns,
    Column("obstacle", rank=Rank.ASKED),
    Column("conflicts", rank=Rank.ASKED),
    Column("diff", rank=Rank.ASKED),
    Column("nodes", rank=Rank.ASKED),
)
RULES = (
    Column("place", rank=Rank.KEY),
    Column("required", rank=Rank.KEY),
    Column("definitions", rank=Rank.KEY),
)
app = typer.Typer()

Number = Annotated[
    int | None, typer.Argument(metavar="[NUMBER]", min=1, help="Unset: list the open ones.")
]
Place = Annotated[
    str,
    typer.Argument(
        metavar="PLACE",
        help="A subcluster, or global: files of all nodes.",
        autocompletion=completing.subclusters,
    ),
]


@dataclass(frozen=True, slots=True)
class Deciding(Listing):
    """What is done with a proposal."""

    approve: Annotated[bool, typer.Option("--approve", help="Commit it, in its author's name.")] = (
        False
    )
    reject: Annotated[bool, typer.Option("--reject", help="End it; nothing is committed.")] = False
    withdraw: Annotated[bool, typer.Option("--withdraw", help="End your own.")] = False
    message: Annotated[
        str, typer.Option("--message", "-m", metavar="TEXT", help="What is said of the decision.")
    ] = ""
    every: Annotated[bool, typer.Option("--all", help="List the decided ones too.")] = False
    dry_run: DryRun = False

    @property
    def verb(self) -> str:
        """The one thing to do; empty: look."""
        wanted = {"approve": self.approve, "reject": self.reject, "withdraw": self.withdraw}
        said = [name for name, one in wanted.items() if one]
        if len(said) > 1:
            raise Usage(f"say one of {', '.join(f'--{one}' for one in said)}")
        return said[0] if said else ""


@add(
    app,
    "proposals",
    examples=[
        "muster config proposals",
        "muster config proposals --all --filter author=eve",
        "muster config proposals 7",
        "muster config proposals 7 --approve -m 'looks right'",
        "muster config proposals 7 --reject -m 'mta2 needs it too'",
    ],
)
def proposals(call: Call, how: Deciding, number: Number = None) -> None:
    """List changes that wait for another person, show one, or decide one."""
    if number is None:
        if how.verb:
            raise Usage(f"--{how.verb} needs a number: muster config proposals NUMBER --{how.verb}")
        chosen = how.every or any(one.startswith("state=") for one in how.filters)
        show_list(call, PROPOSALS, how, query={} if chosen else {"state": "open"})
    elif not how.verb:
        _show(call, how, _whole(call, number))
    elif how.dry_run:
        _try(call, how, _whole(call, number))
    else:
        _decide(call, how, number)


@add(app, "review-rules", examples=["muster config review-rules"])
def review_rules(call: Call, view: Printing) -> None:
    """List where another person approves each commit (the four-eyes rule)."""
    rows = call.client.get(f"{ROOT}review-rules/").body
    shapes.rows_text(rows, RULES, look_of(call, view)).print()


@add(
    app,
    "review-rule",
    examples=[
        "muster config review-rule production --required",
        "muster config review-rule production --required --definitions --reason 'audit finding'",
        "muster config review-rule production --off --dry-run",
    ],
)
def review_rule(
    call: Call,
    place: Place,
    how: Changing,
    required: Annotated[
        bool,
        typer.Option("--required/--off", help="Whether another person approves each commit there."),
    ],
    definitions: Annotated[
        bool,
        typer.Option(
            "--definitions", help="Nodes, VIPs, settings change by approved proposals alone, too."
        ),
    ] = False,
) -> None:
    """Say whether a subcluster's commits wait for another person."""
    where = f"{ROOT}review-rules/{path_of(place)}"
    body = {"required": required, "definitions": definitions}
    change(call, how, [Step(f"review rule {place}", "PUT", where, body, seen=where)])


def tell_proposed(call: Call, view: Printing, answer: Mapping[str, Any]) -> None:
    """Print that a change waits for another person now."""
    look = look_of(call, view)
    row = {"proposal": answer["number"], "replicas": [], **answer}
    if look.for_people and not view.columns:
        shapes.rows_text([row], PROPOSALS.columns, look).print()
    else:
        shapes.rows_text([row], COMMITTED, look).print()
    number = answer["number"]
    if answer["state"] != "open":
        tell(f"this is proposal {number}, which is {answer['state']}")
        return
    way = f"another person approves it: muster config proposals {number} --approve"
    tell(f"nothing is committed yet, this is proposal {number}; {way}")


def _whole(call: Call, number: int) -> dict[str, Any]:
    told: dict[str, Any] = call.client.get(_where(number)).body
    return told


def _show(call: Call, view: Printing, told: Mapping[str, Any]) -> None:
    """What it is, what it changes in the repository, and what an approval would do to nodes."""
    look = look_of(call, view)
    if not look.for_people or view.columns:
        shapes.one_text(told, WHOLE, look).print()
        return
    shapes.one_text(told, PROPOSALS.columns, look).print()
    _diffs(call, view, told)
    if told["obstacle"]:
        tell(printable(f"it cannot be approved now: {told['obstacle']}"))


def _diffs(call: Call, view: Printing, told: Mapping[str, Any]) -> None:
    config_diffs.put({"in the repository": told["diff"]} | told["nodes"], look_of(call, view))


def _try(call: Call, how: Deciding, told: Mapping[str, Any]) -> None:
    """What a decision would do, without making it; leaves with exit code 10."""
    if told["state"] != "open":
        raise Refused(f"proposal {told['number']} is {told['state']} already")
    if how.verb == "approve" and told["obstacle"]:
        raise Refused(f"it would be refused: {told['obstacle']}")
    if how.verb == "approve":
        look = look_of(call, how)
        if look.for_people and not how.columns:
            _diffs(call, how, told)
        else:
            shapes.one_text(told, WHOLE, look).print()
    tell(f"proposal {told['number']} by {told['author']} would end by: {how.verb}")
    raise typer.Exit(Exit.CHANGES_PENDING)


def _decide(call: Call, how: Deciding, number: int) -> None:
    approving = how.verb == "approve"
    columns = COMMITTED if approving else PROPOSALS.columns
    look = look_of(call, how)
    shapes.picked(columns, look)
    body = {"comment": how.message}
    answer = call.client.send("POST", f"{_where(number)}{how.verb}/", body).body
    shapes.rows_text([answer], columns, look).print()
    if approving and not answer["replicas"]:
        tell("no node is up: the manager alone has it")


def _where(number: int) -> str:
    return f"{PROPOSALS.where}{path_of(number)}"
