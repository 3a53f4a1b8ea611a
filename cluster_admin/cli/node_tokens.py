"""One-time tokens with which hosts become nodes: shown once, with the whole command to run there.

A new token of a node ends its older ones.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from cluster_admin.cli import changing, shapes, waiting
from cluster_admin.cli.arguments import NodeName, given
from cluster_admin.cli.bundles import DryRun, Printing, add
from cluster_admin.cli.columns import Column, Rank, clock
from cluster_admin.cli.durations import seconds
from cluster_admin.cli.errors import Complaint
from cluster_admin.cli.looking import look_of
from cluster_admin.cli.resources import path
from cluster_admin.cli.session import Call
from cluster_admin.cli.shapes import tell
from workers.exit_codes import Exit

PANEL = "Hosts that become nodes"
TOKEN = (
    Column("node", rank=Rank.KEY),
    Column("subcluster"),
    Column("expires_at", text=clock),
    Column("token", rank=Rank.KEY),
    Column("command", rank=Rank.KEY),
)
ONCE = "this is the only time that the token is shown; it works once"

Expires = Annotated[
    str | None,
    typer.Option(
        "--expires", metavar="DURATION", help="How long the node's token works: 1h unless said."
    ),
]
app = typer.Typer()


@add(
    app,
    "token",
    examples=["muster node token mta4", "muster node token mta4 --expires 1d -o json"],
    panel=PANEL,
)
def token(
    call: Call,
    node: NodeName,
    view: Printing,
    expires: Expires = None,
    dry_run: DryRun = False,
) -> None:
    """Make a one-time token for a node, for a host that joins; older ones of the node end."""
    life = life_of(expires)
    look = look_of(call, view)
    shapes.picked(TOKEN, look)
    made = make(call, node, life, dry_run=dry_run)
    if dry_run:
        tell(f"node {node}: a token would be made, and older ones would end")
        raise typer.Exit(Exit.CHANGES_PENDING)
    shapes.one_text(made, TOKEN, look).print()
    tell(ONCE)
    _warn(made)


def make(call: Call, node: str, life: int | None, *, dry_run: bool = False) -> dict[str, Any]:
    """A new token of the node, as the manager tells it."""
    where, body = path("nodes", node, "join-token"), given(expires_in_seconds=life)
    query = {"dry_run": 1} if dry_run else None
    return dict(call.client.send("POST", where, body, query=query).body)


def life_of(expires: str | None) -> int | None:
    """The duration in seconds, None when nothing was said."""
    return seconds(expires, "--expires") if expires else None


def after_adding(
    call: Call, how: Printing, life: int | None
) -> Callable[[list[changing.Result]], waiting.Missing | None]:
    """What to do once nodes were added: a token for each, then wait as after any change.

    The node stands whatever becomes of its token; the object told of it has the token as `join`.
    """

    def done(results: list[changing.Result]) -> waiting.Missing | None:
        for result in results:
            name = result.target.removeprefix("node ")
            try:
                made = make(call, name, life)
            except Complaint as error:
                tell(f"{name} was added, without a token to join with: {error}")
                continue
            result.object = {**(result.object or {}), "join": made}
            if look_of(call, how).for_people:
                _tell(made)
            _warn(made)
        return changing.revisions(results)

    return done


def _tell(made: dict[str, Any]) -> None:
    lines: Sequence[str] = (
        f"on the host that becomes {made['node']}, run until {clock(made['expires_at'])}:",
        f"  {made['command']}",
        ONCE,
    )
    for line in lines:
        tell(line)


def _warn(made: dict[str, Any]) -> None:
    if made.get("warning"):
        tell(f"warning: {made['warning']}")
