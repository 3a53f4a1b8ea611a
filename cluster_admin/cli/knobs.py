"""`muster settings ...`: the knobs of a subcluster; docs/reference/knobs.md says what they cost."""

import json
import math
from typing import Annotated

import typer

from cluster_admin.cli import changing, completing
from cluster_admin.cli.arguments import InSubcluster, subcluster_of
from cluster_admin.cli.bundles import Defining, Listing, Showing, add
from cluster_admin.cli.changing import Step
from cluster_admin.cli.columns import Column, Rank
from cluster_admin.cli.looking import Kind, show_list, show_one
from cluster_admin.cli.resources import path
from cluster_admin.cli.session import Call

SETTINGS = Kind(
    "settings",
    "",
    (
        Column("name", rank=Rank.KEY),
        Column("value", rank=Rank.KEY),
        Column("unit"),
        Column("default"),
        Column("low"),
        Column("high"),
        Column("choices"),
        Column("is_default", rank=Rank.WIDE),
        Column("help", rank=Rank.WIDE),
    ),
    paged=False,
)

app = typer.Typer(no_args_is_help=True, help="The knobs of a subcluster.")

Knob = Annotated[str, typer.Argument(metavar="KNOB", autocompletion=completing.knobs)]
Value = Annotated[str, typer.Argument(metavar="VALUE", help="A number or a word.")]


@add(app, "list", examples=["muster settings list --subcluster default"])
def list_settings(call: Call, view: Listing, subcluster: InSubcluster = None) -> None:
    """List all knobs with value, default and bounds."""
    where = path("subclusters", subcluster_of(call, subcluster), "settings")
    show_list(call, SETTINGS, view, where)


@add(app, "get", examples=["muster settings get dead_after --columns value -o csv"])
def get(call: Call, knob: Knob, view: Showing, subcluster: InSubcluster = None) -> None:
    """Show one knob."""
    where = path("subclusters", subcluster_of(call, subcluster), "settings", knob)
    show_one(call, SETTINGS, where, view)


@add(app, "set", examples=["muster settings set dead_after 0.8 --dry-run"])
def set_knob(
    call: Call, knob: Knob, value: Value, how: Defining, subcluster: InSubcluster = None
) -> None:
    """Set a knob; refused outside its bounds."""
    name = subcluster_of(call, subcluster)
    where = path("subclusters", name, "settings", knob)
    step = Step(f"setting {knob}", "PUT", where, {"value": _value(value)}, where, name)
    changing.change(call, how, [step], done=changing.revisions)


@add(app, "unset", examples=["muster settings unset dead_after"])
def unset(call: Call, knob: Knob, how: Defining, subcluster: InSubcluster = None) -> None:
    """Give a knob its default again."""
    name = subcluster_of(call, subcluster)
    where = path("subclusters", name, "settings", knob)
    step = Step(f"setting {knob}", "DELETE", where, None, where, name)
    changing.change(call, how, [step], done=changing.revisions)


def _value(written: str) -> int | float | str:
    """A finite number if it is written like one, else the word."""
    try:
        value = json.loads(written)
    except ValueError:
        return written
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if number and abs(value) < math.inf else written
