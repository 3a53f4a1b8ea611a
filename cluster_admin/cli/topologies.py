"""`muster topology ...`: which networks addresses live in, and on which interface."""

from typing import Annotated, Any

import typer

from cluster_admin.cli import changing, completing
from cluster_admin.cli.arguments import (
    InSubcluster,
    Segment,
    given,
    referring,
    something,
    subcluster_of,
    topology_path,
    words,
)
from cluster_admin.cli.bundles import Defining, Listing, Showing, add
from cluster_admin.cli.changing import Step
from cluster_admin.cli.columns import Column, Rank
from cluster_admin.cli.looking import Kind, show_list, show_one
from cluster_admin.cli.session import Call

TOPOLOGIES = Kind(
    "topologies",
    "topologies/",
    (
        Column("cidr", rank=Rank.KEY),
        Column("interface"),
        Column("subcluster"),
        Column("segment"),
        Column("witnesses"),
        Column("interest", rank=Rank.WIDE),
        Column("id", rank=Rank.WIDE),
    ),
    ("subcluster", "cidr", "segment", "search"),
)

app = typer.Typer(no_args_is_help=True, help="Networks that VIPs live in, and their interfaces.")

Cidr = Annotated[
    str,
    typer.Argument(metavar="CIDR", autocompletion=completing.topologies),
]
Interface = Annotated[str | None, typer.Option("--interface", metavar="NAME", help="On the nodes.")]
Witnesses = Annotated[
    str | None,
    typer.Option("--witness", metavar="IP,IP", help="Outside the cluster, such as the gateway."),
]
Interest = Annotated[
    str | None,
    typer.Option(
        "--interest",
        metavar="IP,IP",
        help='Hosts told of a new owner when announce_to is interest; "": none.',
    ),
]


@add(app, "list", examples=["muster topology list --filter subcluster=default"])
def list_topologies(call: Call, view: Listing) -> None:
    """List topologies."""
    show_list(call, TOPOLOGIES, view)


@add(app, "show", examples=["muster topology show 198.18.0.0/24"])
def show(call: Call, cidr: Cidr, view: Showing, subcluster: InSubcluster = None) -> None:
    """Show a topology."""
    show_one(call, TOPOLOGIES, topology_path(call, cidr, subcluster), view)


@add(
    app,
    "add",
    examples=["muster topology add 198.18.1.0/24 --interface eth0 --witness 198.18.1.1 -s default"],
)
def add_topology(
    call: Call,
    cidr: Cidr,
    how: Defining,
    interface: Interface = None,
    witness: Witnesses = None,
    interest: Interest = None,
    segment: Segment = None,
    subcluster: InSubcluster = None,
) -> None:
    """Add a network in which VIPs may be."""
    body = {
        "cidr": cidr,
        "subcluster": subcluster_of(call, subcluster),
        **_body(interface, witness, interest, segment),
    }
    step = Step(f"topology {cidr}", "POST", "topologies/", body)
    changing.change(call, how, [step], done=changing.revisions)


@add(app, "edit", examples=["muster topology edit 198.18.0.0/24 --witness 198.18.0.1 --dry-run"])
def edit(
    call: Call,
    cidr: Cidr,
    how: Defining,
    interface: Interface = None,
    witness: Witnesses = None,
    interest: Interest = None,
    segment: Segment = None,
    subcluster: InSubcluster = None,
) -> None:
    """Change a topology; what is not named stays."""
    body = something(_body(interface, witness, interest, segment), "--interface eth1")
    where = topology_path(call, cidr, subcluster)
    step = Step(f"topology {cidr}", "PATCH", where, body, seen=where)
    changing.change(call, how, [step], done=changing.revisions)


@add(app, "remove", examples=["muster topology remove 198.18.0.0/24 --yes"])
def remove(call: Call, cidr: Cidr, how: Defining, subcluster: InSubcluster = None) -> None:
    """Remove a topology; refused while VIPs are in it."""
    where = topology_path(call, cidr, subcluster)
    step = Step(f"topology {cidr}", "DELETE", where, seen=where)
    question = f"Remove topology {cidr}?"
    changing.change(call, how, [step], question=question, done=changing.revisions)


def _body(
    interface: str | None, witness: str | None, interest: str | None, segment: str | None
) -> dict[str, Any]:
    body = given(interface=interface, witnesses=words(witness), interest=words(interest))
    return {**body, **referring(segment=segment)}
