"""Options and columns that the commands of the configuration share."""

import dataclasses
from typing import Annotated, Any

import typer

from cluster_admin.cli import completing
from cluster_admin.cli.bundles import DryRun, Printing
from cluster_admin.cli.columns import Column, Rank, clock

Directory = Annotated[
    str | None,
    typer.Option("--directory", "-C", metavar="DIR", help="In the working copy. Unset: here."),
]
Mine = Annotated[bool, typer.Option("--mine", help="Where both changed: keep what is here.")]
Theirs = Annotated[
    bool, typer.Option("--theirs", help="Where both changed: take theirs, give up what is here.")
]
Manual = Annotated[
    bool,
    typer.Option(
        "--manual", help="Where both changed: put PATH.base, .mine and .theirs beside, to resolve."
    ),
]
Paths = Annotated[
    list[str] | None, typer.Argument(metavar="[PATH]...", help="Files or directories; unset: all.")
]
RevisionNumber = Annotated[
    int, typer.Argument(metavar="REVISION", min=1, autocompletion=completing.revisions)
]
AtRevision = Annotated[
    int | None,
    typer.Option("--revision", "-r", metavar="N", min=0, help="Unset: the newest."),
]
Message = Annotated[
    str | None,
    typer.Option("--message", "-m", metavar="TEXT", help="What the change is for; unset: told so."),
]
WaitForNodes = Annotated[
    bool, typer.Option("--wait", help="Wait until the nodes that get it run it.")
]
Patience = Annotated[
    float,
    typer.Option(
        "--timeout",
        metavar="SECONDS",
        min=0,
        max=86400,
        help="Longest wait; then exit code 6, with what is still missing.",
    ),
]
Emergency = Annotated[
    str,
    typer.Option(
        "--emergency",
        metavar="REASON",
        help="Commit past the four-eyes rule, as an admin of every subcluster; kept in the audit.",
    ),
]


def title(message: Any) -> str:
    """The first line of a message."""
    return str(message or "").partition("\n")[0]


COMMITTED = (
    Column("revision", rank=Rank.KEY),
    Column("author"),
    Column("message", text=title),
    Column("replicas"),
    Column("at", rank=Rank.WIDE, text=clock),
    Column("commit", rank=Rank.WIDE),
    Column("proposal", rank=Rank.WIDE),
)


@dataclasses.dataclass(frozen=True, slots=True)
class Committing(Printing):
    """How a revision is made."""

    dry_run: DryRun = False
    message: Message = None
    emergency: Emergency = ""
    wait: WaitForNodes = False
    timeout: Patience = 30
