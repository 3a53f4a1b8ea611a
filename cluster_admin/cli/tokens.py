"""`muster token ...`: tokens for programs; the secret is shown once, when one is made."""

from typing import Annotated

import typer

from cluster_admin.cli import changing, completing, shapes
from cluster_admin.cli.arguments import given, words
from cluster_admin.cli.bundles import Changing, Listing, Printing, add
from cluster_admin.cli.changing import Step
from cluster_admin.cli.columns import Column, Rank, clock
from cluster_admin.cli.durations import seconds
from cluster_admin.cli.errors import Usage
from cluster_admin.cli.looking import Kind, look_of, show_list
from cluster_admin.cli.resources import path
from cluster_admin.cli.session import Call
from cluster_admin.cli.shapes import tell

TOKENS = Kind(
    "tokens",
    "tokens/",
    (
        Column("name", rank=Rank.KEY),
        Column("user"),
        Column("read_only"),
        Column("scopes"),
        Column("expires_at", text=clock),
        Column("last_used_at", text=clock),
        Column("prefix", rank=Rank.WIDE),
        Column("id", rank=Rank.WIDE),
        Column("created_at", rank=Rank.WIDE, text=clock),
        Column("revoked_at", rank=Rank.WIDE, text=clock),
        Column("token", rank=Rank.ASKED),
    ),
    ("user", "search"),
)

app = typer.Typer(no_args_is_help=True, help="Tokens for programs.")

TokenName = Annotated[
    str, typer.Argument(metavar="TOKEN", help="Name or id.", autocompletion=completing.tokens)
]
ReadOnly = Annotated[bool, typer.Option("--read-only", help="It can change nothing.")]
Scopes = Annotated[
    str | None,
    typer.Option("--scopes", metavar="A,B", help="read, operate, define, accounts; unset: all."),
]
Expires = Annotated[
    str | None, typer.Option("--expires", metavar="DURATION", help="Such as 12h or 90d.")
]


@add(app, "list", examples=["muster token list"])
def list_tokens(call: Call, view: Listing) -> None:
    """List your tokens; administrators see everybody's."""
    show_list(call, TOKENS, view)


@add(app, "create", examples=["muster token create monitoring --read-only --expires 90d"])
def create(
    call: Call,
    token_name: Annotated[str, typer.Argument(metavar="NAME")],
    view: Printing,
    read_only: ReadOnly = False,
    scopes: Scopes = None,
    expires: Expires = None,
) -> None:
    """Make a token and print it; it cannot be shown again."""
    until = seconds(expires, "--expires") if expires else None
    body = given(scopes=words(scopes), expires_in_seconds=until)
    look = look_of(call, view)
    shapes.picked(TOKENS.columns, look)
    made = call.client.send("POST", "tokens/", {"name": token_name, "read_only": read_only, **body})
    shapes.one_text(made.body, TOKENS.columns, look).print()
    tell("this is the only time that the token is shown; keep it where others cannot read it")


@add(app, "revoke", examples=["muster token revoke monitoring --yes"])
def revoke(call: Call, token_name: TokenName, how: Changing) -> None:
    """Make a token worthless at once."""
    rows, _ = call.client.rows("tokens/", {}, 0)
    found = [row for row in rows if token_name in (row["name"], str(row["id"]))]
    found = [row for row in found if not row.get("revoked_at")] or found
    if not found:
        raise Usage(f"there is no token {token_name}; see them with: muster token list")
    if len(found) > 1:
        ids = ", ".join(str(row["id"]) for row in found)
        raise Usage(f"{len(found)} tokens are called {token_name}; name its id: {ids}")
    where = path("tokens", found[0]["id"])
    step = Step(f"token {token_name}", "DELETE", where)
    changing.change(call, how, [step], question=f"Revoke token {token_name}?")
