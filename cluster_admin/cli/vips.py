"""`muster vip ...`: who holds each address, since when and why; and which addresses there are."""

from typing import Annotated, Any

import typer

from cluster_admin.cli import changing, completing, moving, waiting
from cluster_admin.cli.arguments import (
    Description,
    InSubcluster,
    VipAddress,
    VipAddresses,
    given,
    referring,
    something,
    subcluster_of,
    words,
)
from cluster_admin.cli.bundles import Defining, Listing, Recalling, Showing, add
from cluster_admin.cli.changing import Step
from cluster_admin.cli.columns import Column, Rank, age, nobody
from cluster_admin.cli.happenings import HISTORY
from cluster_admin.cli.looking import Kind, show_list, show_one
from cluster_admin.cli.resources import path
from cluster_admin.cli.session import Call

VIPS = Kind(
    "VIPs",
    "vips/",
    (
        Column("address", rank=Rank.KEY),
        Column("state", "status.state", Rank.KEY),
        Column("owner", "status.owner", Rank.KEY, nobody),
        age("since", "status.age_seconds"),
        Column("note", "status.note", most=60),
        Column("reason", "status.reason"),
        Column("subcluster", rank=Rank.WIDE),
        Column("cause", "status.cause", Rank.WIDE),
        Column("previous", "status.previous", Rank.WIDE),
        Column("holders", "status.holders", Rank.WIDE),
        Column("epoch", "status.epoch", Rank.WIDE),
        Column("prefer", rank=Rank.WIDE),
        Column("follow", rank=Rank.WIDE),
        Column("weight", rank=Rank.WIDE),
        Column("check", rank=Rank.WIDE),
        Column("hook", rank=Rank.WIDE),
        Column("hook_warning", rank=Rank.WIDE),
        Column("binding", rank=Rank.WIDE),
        Column("description", rank=Rank.WIDE),
        Column("since_at", "status.since", Rank.ASKED),
        Column("seen_at", "status.seen_at", Rank.ASKED),
    ),
    ("subcluster", "owner", "state", "cause", "binding", "version", "search"),
    live=True,
)
OWNER = Kind(
    "owners",
    "",
    (
        Column("address", rank=Rank.KEY),
        Column("owner", rank=Rank.KEY, text=nobody),
        Column("state"),
        Column("since"),
        Column("epoch"),
        age("stale", "stale_seconds"),
    ),
)

app = typer.Typer(no_args_is_help=True, help="Virtual addresses: who holds them, which there are.")

Prefer = Annotated[
    str | None,
    typer.Option(
        "--prefer",
        metavar="NODE,NODE",
        help='Nodes that should have it, best first; "": no preference.',
        autocompletion=completing.nodes,
    ),
]
Follow = Annotated[
    str | None,
    typer.Option(
        "--follow",
        metavar="VIP",
        help='Always on the node of this VIP; "": on its own.',
        autocompletion=completing.vips,
    ),
]
Weight = Annotated[int | None, typer.Option("--weight", help="How much it counts in balancing.")]
Check = Annotated[
    str | None,
    typer.Option(
        "--check",
        metavar="CHECK",
        help='Health check: tcp:PORT, smtp:PORT or "command:/PATH ARGUMENTS"; "": none.',
    ),
]
Hook = Annotated[
    str | None,
    typer.Option(
        "--hook",
        metavar="COMMAND",
        help='"/PATH ARGUMENTS", called with take or release, VIP and node; "": none. '
        "It costs safety: see docs/operations.md.",
    ),
]
Moves = Annotated[
    bool, typer.Option("--moves", help="Its moves alone: who took it from whom, and why.")
]
Binding = Annotated[str | None, typer.Option("--binding", help="Name that mail software uses.")]


@add(
    app,
    "list",
    examples=[
        "muster vip list",
        "muster vip list --filter owner=mta1 --columns address,since",
        "muster vip list --filter state=UNSAFE -o csv",
    ],
)
def list_vips(call: Call, view: Listing) -> None:
    """List VIPs: state, owner, since when and why."""
    show_list(call, VIPS, view)


@add(app, "show", examples=["muster vip show 198.18.0.101"])
def show(call: Call, vip: VipAddress, view: Showing) -> None:
    """Show everything about a VIP."""
    show_one(call, VIPS, path("vips", vip), view)


@add(app, "owner", examples=["muster vip owner 198.18.0.101 --columns owner"])
def owner(call: Call, vip: VipAddress, view: Showing) -> None:
    """Show who owns a VIP; nobody is exit code 1."""
    show_one(call, OWNER, path("vips", vip, "owner"), view)


@add(
    app,
    "history",
    examples=[
        "muster vip history 198.18.0.101 --limit 20",
        "muster vip history 198.18.0.101 --moves -o csv",
    ],
)
def history(call: Call, vip: VipAddress, view: Recalling, moves: Moves = False) -> None:
    """Show what happened to a VIP, newest first; also to one that was removed."""
    show_list(call, HISTORY, view, query={"vip": vip, **({"moves": "1"} if moves else {})})


@add(
    app,
    "add",
    examples=[
        "muster vip add 198.18.0.107 --subcluster default --prefer mta1,mta2",
        "muster vip add 2001:db8:18::107 --follow 198.18.0.107 --dry-run",
    ],
)
def add_vips(
    call: Call,
    vip: VipAddresses,
    how: Defining,
    subcluster: InSubcluster = None,
    prefer: Prefer = None,
    follow: Follow = None,
    weight: Weight = None,
    check: Check = None,
    hook: Hook = None,
    binding: Binding = None,
    description: Description = None,
) -> None:
    """Add VIPs; waits until somebody owns them."""
    body = _body(prefer, follow, weight, check, hook, binding, description)
    body["subcluster"] = subcluster_of(call, subcluster)
    steps = [Step(f"vip {each}", "POST", "vips/", {"address": each, **body}) for each in vip]
    changing.change(call, how, steps, done=_owned)


@add(app, "edit", examples=["muster vip edit 198.18.0.107 --prefer mta2 --reason 'nearer'"])
def edit(
    call: Call,
    vip: VipAddresses,
    how: Defining,
    prefer: Prefer = None,
    follow: Follow = None,
    weight: Weight = None,
    check: Check = None,
    hook: Hook = None,
    binding: Binding = None,
    description: Description = None,
) -> None:
    """Change VIPs; what is not named stays."""
    body = something(
        _body(prefer, follow, weight, check, hook, binding, description), "--prefer mta1"
    )
    steps = [
        Step(f"vip {each}", "PATCH", path("vips", each), body, seen=path("vips", each))
        for each in vip
    ]
    changing.change(call, how, steps, done=changing.revisions)


@add(app, "remove", examples=["muster vip remove 198.18.0.107 --yes"])
def remove(call: Call, vip: VipAddresses, how: Defining) -> None:
    """Remove VIPs; their owners let go of them at once."""
    steps = [
        Step(f"vip {each}", "DELETE", path("vips", each), seen=path("vips", each)) for each in vip
    ]
    question = f"Remove {', '.join(step.target for step in steps)}?"
    changing.change(call, how, steps, question=question, done=changing.revisions)


app.add_typer(moving.app)


def _body(
    prefer: str | None,
    follow: str | None,
    weight: int | None,
    check: str | None,
    hook: str | None,
    binding: str | None,
    description: str | None,
) -> dict[str, Any]:
    body = given(
        prefer=words(prefer),
        weight=weight,
        check=check,
        hook=hook,
        binding=binding,
        description=description,
    )
    return {**body, **referring(follow=follow)}


def _owned(results: list[changing.Result]) -> waiting.Missing | None:
    return waiting.owner(*(str(result.object["address"]) for result in results))
