"""`muster segment ...`: broadcast segments, across which no VIP can move."""

import typer

from cluster_admin.cli import changing
from cluster_admin.cli.arguments import Description, SegmentName, given
from cluster_admin.cli.bundles import Changing, Listing, add
from cluster_admin.cli.changing import Step
from cluster_admin.cli.columns import Column, Rank
from cluster_admin.cli.looking import Kind, show_list
from cluster_admin.cli.resources import path
from cluster_admin.cli.session import Call

SEGMENTS = Kind(
    "segments",
    "segments/",
    (Column("name", rank=Rank.KEY), Column("description")),
    ("search",),
)

app = typer.Typer(no_args_is_help=True, help="Broadcast segments, across which no VIP can move.")


@add(app, "list", examples=["muster segment list"])
def list_segments(call: Call, view: Listing) -> None:
    """List segments."""
    show_list(call, SEGMENTS, view)


@add(app, "add", examples=["muster segment add rack-7 --description 'second floor'"])
def add_segment(
    call: Call, segment: SegmentName, how: Changing, description: Description = None
) -> None:
    """Add a segment."""
    body = {"name": segment, **given(description=description)}
    changing.change(call, how, [Step(f"segment {segment}", "POST", "segments/", body)])


@add(app, "remove", examples=["muster segment remove rack-7 --yes"])
def remove(call: Call, segment: SegmentName, how: Changing) -> None:
    """Remove a segment; refused while nodes or topologies are in it."""
    where = path("segments", segment)
    step = Step(f"segment {segment}", "DELETE", where, seen=where)
    changing.change(call, how, [step], question=f"Remove segment {segment}?")
