"""`muster vip move`: put a node first in what a VIP prefers, and wait until it is there.

The nodes hand it over at once when they act on the new revision. A wait that ends too early is a
failure that says what is known: whoever asks to wait wants the VIP to be there.
"""

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cluster_admin.cli import changing, completing, waiting
from cluster_admin.cli.arguments import VipAddress, given
from cluster_admin.cli.bundles import Changing, add
from cluster_admin.cli.changing import Step
from cluster_admin.cli.errors import Complaint, Unknown, Usage
from cluster_admin.cli.resources import path
from cluster_admin.cli.session import Call
from cluster_admin.cli.shapes import tell

if TYPE_CHECKING:
    from cluster_admin.cli.client import Client

app = typer.Typer()

Destination = Annotated[
    str | None, typer.Argument(metavar="[NODE]", autocompletion=completing.nodes)
]
Free = Annotated[
    bool, typer.Option("--free", help="No node: take its preferences away, balance places it.")
]
Force = Annotated[
    bool, typer.Option("--force", help="Although the node is not alive, or not ready.")
]
Wait = Annotated[
    bool, typer.Option("--wait", help="Wait until the node owns it; exit code 1 if it does not.")
]
Timeout = Annotated[
    float, typer.Option("--timeout", metavar="SECONDS", min=0, max=86400, help="Longest wait.")
]


@dataclasses.dataclass(frozen=True, slots=True)
class Moving(Changing):
    """How a VIP is moved."""

    force: Force = False
    wait: Wait = False
    timeout: Timeout = 10


@add(
    app,
    "move",
    examples=[
        "muster vip move 198.18.0.101 mta2 --wait",
        "muster vip move 198.18.0.101 mta2 --dry-run",
        "muster vip move 198.18.0.101 --free --reason 'as before'",
    ],
)
def move(
    call: Call, vip: VipAddress, how: Moving, node: Destination = None, free: Free = False
) -> None:
    """Move a VIP to a node at once: it is put first in what the VIP prefers."""
    if bool(node) == free:
        raise Usage("name the node that is to have it, or say --free, not both")
    if free and how.wait:
        raise Usage("--free leaves the place to balance, there is no node to wait for; no --wait")
    where = path("vips", vip)
    seen = call.client.get(where).body
    if node and _is_there(seen, node):
        tell(f"{vip} is on {node} already, and prefers it first: nothing to change")
    body = given(node=node, free=free or None, force=how.force or None)
    changing.change(call, how, [Step(f"vip {vip}", "POST", path("vips", vip, "move"), body, where)])
    if node and how.wait and not how.dry_run:
        _await(call, vip, node, how.timeout)


def _is_there(seen: dict[str, Any], node: str) -> bool:
    status = seen.get("status") or {}
    return status.get("owner") == node and list(seen.get("prefer") or ())[:1] == [node]


def _await(call: Call, vip: str, node: str, timeout_seconds: float) -> None:
    def missing(client: "Client") -> list[str]:
        status = client.get(path("vips", vip)).body.get("status") or {}
        if status.get("owner") == node:
            return []
        owner = status.get("owner") or "nobody"
        known = status.get("note") or status.get("reason") or ""
        return [f"{vip} is {status.get('state')}, with {owner}" + (f": {known}" if known else "")]

    try:
        waiting.wait(call.client, call.around, missing, timeout_seconds)
    except Unknown as error:
        acts = call.client.get(path("nodes", node)).body.get("status") or {}
        state = f"{node} is {acts.get('verdict')}, acts on r{acts.get('revision')}"
        raise Complaint(f"not on {node} within {timeout_seconds:g} s: {error}; {state}") from error
    tell(f"{vip} is on {node}")
