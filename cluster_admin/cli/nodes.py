"""`muster node ...`: the nodes as the manager knows them, beside this host's own agent.

The commands of `workers.failover.cli` stand in the same group; they ask the local agent and need
no manager.
"""

from typing import Annotated, Any

import typer

import workers.failover.cli as local
from cluster_admin.cli import changing, dying, node_joining, node_tokens, waiting
from cluster_admin.cli.arguments import (
    InSubcluster,
    NodeName,
    NodeNames,
    Segment,
    given,
    pairs,
    referring,
    something,
    subcluster_of,
)
from cluster_admin.cli.bundles import Defining, Listing, Printing, Showing, add
from cluster_admin.cli.changing import Step
from cluster_admin.cli.columns import Column, Rank, age
from cluster_admin.cli.looking import Kind, show_list, show_one
from cluster_admin.cli.resources import path
from cluster_admin.cli.session import Call

MANAGER, HOST = "Through the manager", "This host's own agent, without a manager"
NODES = Kind(
    "nodes",
    "nodes/",
    (
        Column("name", rank=Rank.KEY),
        Column("verdict", "status.verdict", Rank.KEY),
        Column("state", "status.state"),
        Column("admin", "admin_state"),
        Column("vips"),
        Column("revision", "status.revision"),
        age("heard", "status.age_seconds"),
        Column("objection", "status.objection"),
        Column("address"),
        Column("subcluster", rank=Rank.WIDE),
        Column("segment", rank=Rank.WIDE),
        Column("weight", rank=Rank.WIDE),
        Column("ring_port", rank=Rank.WIDE),
        Column("incarnation", "status.incarnation", Rank.WIDE),
        Column("known_revision", "status.known_revision", Rank.WIDE),
        Column("agreed", "status.agreed", Rank.WIDE),
        Column("mature", "status.mature", Rank.WIDE),
        Column("late", "status.late", Rank.WIDE, alarm=True),
        Column("members", "status.members", Rank.WIDE),
        Column("problem", "status.problem", Rank.WIDE, alarm=True),
        Column("warnings", "status.warnings", Rank.WIDE),
        Column("interfaces", rank=Rank.ASKED),
        Column("rings", "status.rings", Rank.ASKED),
        Column("heard_at", "status.heard_at", Rank.ASKED),
    ),
    ("subcluster", "admin_state", "state", "verdict", "segment", "search"),
    live=True,
)

app = typer.Typer(
    no_args_is_help=True, help="Nodes: list, drain, add; and this host's own agent, broker or not."
)
for _info in local.app.registered_commands:
    app.command(_info.name, rich_help_panel=HOST)(_info.callback or (lambda: None))

Address = Annotated[str | None, typer.Option("--address", help="Its own primary address.")]
RingPort = Annotated[int | None, typer.Option("--ring-port", help="UDP port of ring B.")]
Weight = Annotated[int | None, typer.Option("--weight", help="Its share of VIPs: 2 is double.")]
Force = Annotated[
    bool,
    typer.Option(
        "--force",
        help="Although it serves, or still holds VIPs: those have no owner for a moment.",
    ),
]
Interfaces = Annotated[
    list[str] | None,
    typer.Option(
        "--interface",
        metavar="CIDR=NAME",
        help="Another interface than the topology's on this node; may be repeated.",
    ),
]


@add(
    app,
    "list",
    examples=["muster node list", "muster node list --filter verdict=dead -o json"],
    panel=MANAGER,
)
def list_nodes(call: Call, view: Listing) -> None:
    """List nodes: what is thought of each, what it says itself, how many VIPs it holds."""
    show_list(call, NODES, view)


@add(
    app, "show", examples=["muster node show mta1", "muster node show mta1 --watch"], panel=MANAGER
)
def show(call: Call, node: NodeName, view: Showing) -> None:
    """Show everything the manager knows of a node."""
    show_one(call, NODES, path("nodes", node), view)


@add(
    app,
    "drain",
    examples=[
        "muster node drain mta1 --reason 'kernel update'",
        "muster node drain mta1 mta2 --timeout 120",
    ],
    panel=MANAGER,
)
def drain(call: Call, node: NodeNames, how: Defining) -> None:
    """Move all VIPs away from nodes, gracefully, and keep them away."""
    _set_state(call, "drain", node, how)


@add(app, "undrain", examples=["muster node undrain mta1"], panel=MANAGER)
def undrain(call: Call, node: NodeNames, how: Defining) -> None:
    """Let nodes that drain or are in maintenance hold VIPs again."""
    _set_state(call, "undrain", node, how)


@add(
    app,
    "maintenance",
    examples=["muster node maintenance mta1 --reason 'new disks' --timeout 60"],
    panel=MANAGER,
)
def maintenance(call: Call, node: NodeNames, how: Defining) -> None:
    """Empty nodes and mark them as being worked on: nobody is told that they are gone."""
    _set_state(call, "maintenance", node, how)


@add(app, "if-dies", examples=["muster node if-dies mta1"], panel=MANAGER)
def if_dies(call: Call, node: NodeName, view: Printing) -> None:
    """Show where each VIP of a node would go if it died now."""
    dying.show(call, node, view)


@add(
    app,
    "add",
    examples=[
        "muster node add mta4 --address 198.18.0.14 --subcluster default --weight 2",
        "muster node add mta4 --address 198.18.0.14 --expires 1d -o json",
    ],
    panel=MANAGER,
)
def add_node(
    call: Call,
    node: NodeName,
    how: Defining,
    address: Address = None,
    subcluster: InSubcluster = None,
    ring_port: RingPort = None,
    weight: Weight = None,
    segment: Segment = None,
    interface: Interfaces = None,
    expires: node_tokens.Expires = None,
) -> None:
    """Add a node to a subcluster, and print the command that makes a host that node."""
    life = node_tokens.life_of(expires)
    body = {
        "name": node,
        "subcluster": subcluster_of(call, subcluster),
        **_body(address, ring_port, weight, segment, interface),
    }
    step = Step(f"node {node}", "POST", "nodes/", body)
    changing.change(call, how, [step], done=node_tokens.after_adding(call, how, life))


@add(app, "edit", examples=["muster node edit mta4 --weight 1 --dry-run"], panel=MANAGER)
def edit(
    call: Call,
    node: NodeName,
    how: Defining,
    address: Address = None,
    ring_port: RingPort = None,
    weight: Weight = None,
    segment: Segment = None,
    interface: Interfaces = None,
) -> None:
    """Change a node; what is not named stays."""
    body = _body(address, ring_port, weight, segment, interface)
    where = path("nodes", node)
    step = Step(f"node {node}", "PATCH", where, something(body, "--weight 2"), seen=where)
    changing.change(call, how, [step], done=changing.revisions)


@add(
    app,
    "remove",
    examples=[
        "muster node remove mta4 --yes --reason 'sold'",
        "muster node remove mta1 --force --dry-run",
    ],
    panel=MANAGER,
)
def remove(call: Call, node: NodeNames, how: Defining, force: Force = False) -> None:
    """Remove nodes from the definitions; refused while they serve: drain them first."""
    steps = [
        Step(f"node {name}", "DELETE", where, seen=where, force=force)
        for name in node
        for where in [path("nodes", name)]
    ]
    question = f"Remove {', '.join(step.target for step in steps)}?"
    changing.change(call, how, steps, question=question, done=changing.revisions)


for _each in (node_tokens.app, node_joining.app):
    app.registered_commands += _each.registered_commands


def _body(
    address: str | None,
    ring_port: int | None,
    weight: int | None,
    segment: str | None,
    interface: list[str] | None,
) -> dict[str, Any]:
    body = given(
        address=address,
        ring_port=ring_port,
        weight=weight,
        interfaces=pairs(interface, "--interface"),
    )
    return {**body, **referring(segment=segment)}


def _set_state(call: Call, verb: str, names: list[str], how: Defining) -> None:
    """Drain, undrain, maintenance: an empty node is awaited when it has to get empty."""

    def done(results: list[changing.Result]) -> waiting.Missing | None:
        acted = changing.revisions(results)
        gone = waiting.empty(*(result.target.removeprefix("node ") for result in results))
        if verb == "undrain":
            return acted
        return waiting.both(acted, gone) if acted else gone

    steps = [Step(f"node {name}", "POST", path("nodes", name, verb)) for name in names]
    changing.change(call, how, steps, done=done)
