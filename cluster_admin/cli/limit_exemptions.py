"""`muster limits exempt ...`: who has another limit, or none."""

from typing import Annotated, Any

import typer

from cluster_admin.cli import changing, completing
from cluster_admin.cli.arguments import InSubcluster, given, numbered_path, something, subcluster_of
from cluster_admin.cli.bundles import Defining, Listing, add
from cluster_admin.cli.changing import Step
from cluster_admin.cli.columns import Column, Rank, plain
from cluster_admin.cli.errors import Usage
from cluster_admin.cli.looking import Kind, show_list
from cluster_admin.cli.session import Call

EXEMPTIONS = Kind(
    "exemptions",
    "limits/exemptions/",
    (
        Column("name", rank=Rank.KEY),
        Column("key", rank=Rank.KEY),
        Column("limit", text=lambda name: plain(name) or "every limit"),
        Column("most", text=lambda most: "no limit" if most is None else plain(most)),
        Column("subcluster"),
        Column("id", rank=Rank.WIDE),
    ),
    ("subcluster", "name", "limit", "key", "search"),
)

app = typer.Typer(no_args_is_help=True, help="Who has another limit, or none.")

Name = Annotated[str, typer.Argument(metavar="NAME", autocompletion=completing.exemptions)]
NewName = Annotated[str, typer.Argument(metavar="NAME", help="One word in lower case.")]
KEY_HELP = "An address, a network, a domain or a user, as the limit counts them."
Key = Annotated[str, typer.Option("--key", metavar="KEY", help=KEY_HELP)]
OtherKey = Annotated[str | None, typer.Option("--key", metavar="KEY", help=KEY_HELP)]
OfLimit = Annotated[
    str | None,
    typer.Option(
        "--limit",
        metavar="LIMIT",
        help='In this one; "": in every limit.',
        autocompletion=completing.limits,
    ),
]
Most = Annotated[
    str | None,
    typer.Option("--most", metavar="N|none", help="Instead of the limit's; none: no limit."),
]


@add(app, "list", examples=["muster limits exempt list --filter limit=per-client"])
def list_exemptions(call: Call, view: Listing) -> None:
    """List who has another limit, or none."""
    show_list(call, EXEMPTIONS, view)


@add(
    app,
    "add",
    examples=[
        "muster limits exempt add office --key 192.0.2.0/24",
        "muster limits exempt add partner --key sales@example.net --limit per-sender --most 5000",
    ],
)
def add_exemption(
    call: Call,
    name: NewName,
    how: Defining,
    key: Key,
    limit: OfLimit = None,
    most: Most = None,
    subcluster: InSubcluster = None,
) -> None:
    """Exempt somebody from a limit, or from every one; at once, no node has to start anew."""
    body: dict[str, Any] = {"name": name, "subcluster": subcluster_of(call, subcluster)}
    body |= {"key": key, **given(limit=limit), **_most(most)}
    step = Step(f"exemption {name}", "POST", EXEMPTIONS.where, body)
    changing.change(call, how, [step], done=changing.revisions)


@add(app, "set", examples=["muster limits exempt set partner --most none"])
def set_exemption(
    call: Call,
    name: Name,
    how: Defining,
    key: OtherKey = None,
    limit: OfLimit = None,
    most: Most = None,
    subcluster: InSubcluster = None,
) -> None:
    """Change an exemption; what is not named stays."""
    body = something({**given(key=key, limit=limit), **_most(most)}, "--most 5000")
    where = _path(call, name, subcluster)
    step = Step(f"exemption {name}", "PATCH", where, body, seen=where)
    changing.change(call, how, [step], done=changing.revisions)


@add(app, "remove", examples=["muster limits exempt remove office --yes"])
def remove(call: Call, name: Name, how: Defining, subcluster: InSubcluster = None) -> None:
    """Exempt somebody no longer."""
    where = _path(call, name, subcluster)
    step = Step(f"exemption {name}", "DELETE", where, seen=where)
    question = f"Remove exemption {name}?"
    changing.change(call, how, [step], question=question, done=changing.revisions)


def _most(written: str | None) -> dict[str, int | None]:
    if written is None:
        return {}
    if written == "none":
        return {"most": None}
    if not (written.isascii() and written.isdigit() and len(written) < 16):
        raise Usage(f"--most is {written[:40]!r}; write a number, or none for no limit")
    return {"most": int(written)}


def _path(call: Call, name: str, subcluster: str | None) -> str:
    query = given(name=name, subcluster=subcluster or None)
    thing, listing = f"exemption {name}", "muster limits exempt list"
    return numbered_path(call, EXEMPTIONS.where, query, thing, listing)
