"""`muster audit ...`: who changed what, from where, and what was denied."""

import typer

from cluster_admin.cli.bundles import Recalling, add
from cluster_admin.cli.columns import Column, Rank, instant
from cluster_admin.cli.looking import Kind, show_list
from cluster_admin.cli.session import Call

RECORDS = Kind(
    "audit records",
    "audit/",
    (
        Column("at", rank=Rank.KEY, text=instant),
        Column("actor", rank=Rank.KEY),
        Column("action", rank=Rank.KEY),
        Column("kind"),
        Column("object"),
        Column("outcome"),
        Column("reason"),
        Column("subcluster", rank=Rank.WIDE),
        Column("source", rank=Rank.WIDE),
        Column("token", rank=Rank.WIDE),
        Column("via", rank=Rank.WIDE),
        Column("count", rank=Rank.WIDE),
        Column("id", rank=Rank.ASKED),
        Column("before", rank=Rank.ASKED),
        Column("after", rank=Rank.ASKED),
    ),
    (
        "actor",
        "action",
        "kind",
        "object",
        "subcluster",
        "outcome",
        "via",
        "source",
        "since",
        "until",
        "search",
    ),
)

app = typer.Typer(no_args_is_help=True, help="Who changed what, and what was denied.")


@add(
    app,
    "list",
    examples=["muster audit list --filter actor=admin --limit 20", "muster audit list -o json"],
)
def list_records(call: Call, view: Recalling) -> None:
    """List changes and denied attempts, newest first."""
    show_list(call, RECORDS, view)
