"""`muster login`, `logout` and `whoami`: a token in the profile file instead of passwords."""

import getpass
import socket
import sys
from typing import Annotated

import typer

from cluster_admin.cli import asking, profiles, shapes
from cluster_admin.cli.arguments import given, words
from cluster_admin.cli.bundles import Printing, add
from cluster_admin.cli.columns import Column, Rank
from cluster_admin.cli.durations import seconds
from cluster_admin.cli.errors import Refused, Usage
from cluster_admin.cli.looking import look_of
from cluster_admin.cli.session import Call
from cluster_admin.cli.shapes import tell
from cluster_admin.cli.tokens import Expires, ReadOnly, Scopes

LONGEST_PASSWORD = 1024
ME = (
    Column("user", rank=Rank.KEY),
    Column("superuser"),
    Column("roles", text=lambda roles: ", ".join(_role(role) for role in roles or [])),
    Column("token", "token.name"),
    Column("read_only", "token.read_only"),
    Column("scopes", "token.scopes"),
    Column("expires_at", "token.expires_at"),
)
LOGIN = (
    Column("user", rank=Rank.KEY),
    Column("url", rank=Rank.KEY),
    Column("profile"),
    Column("name"),
    Column("expires_at"),
)

app = typer.Typer()


@add(
    app,
    "login",
    examples=[
        "muster login https://manager.example.net --user admin",
        "muster login --user robot --password-stdin --read-only --expires 12h <password.txt",
    ],
)
def login(
    call: Call,
    view: Printing,
    address: Annotated[
        str | None, typer.Argument(metavar="[URL]", help="The manager; unset: the known one.")
    ] = None,
    user: Annotated[str | None, typer.Option("--user", "-u", help="Unset: asked for.")] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from stdin.")
    ] = False,
    read_only: ReadOnly = False,
    scopes: Scopes = None,
    expires: Expires = None,
) -> None:
    """Log in to a manager; the profile file keeps a token, never the password."""
    until = seconds(expires, "--expires") if expires else None
    url = profiles.checked_url(address) if address else call.target.url
    name = profiles.profile_name(call.profile, call.around.environment)
    if profiles.travels_open(url):
        tell(f"warning: {url} is not encrypted, others may read the password; prefer https")
    body = {
        "username": _user(call, user),
        "password": _password(call, password_stdin=password_stdin),
        "name": f"muster@{socket.gethostname()}"[:64],
        "read_only": read_only,
        **given(scopes=words(scopes), expires_in_seconds=until),
    }
    with call.client_for(profiles.Target(url, "", name)) as client:
        told = client.send("POST", "login/", body).body
    where = profiles.config_path(call.around.environment)
    stored = {"url": url, "token": told["token"], "user": str(told.get("user") or body["username"])}
    profiles.store(where, name, stored)
    row = {key: told.get(key) for key in ("user", "name", "expires_at")}
    shapes.one_text({**row, "url": url, "profile": name}, LOGIN, look_of(call, view)).print()
    tell(f"the token is in {where}, profile {name}")
    above = [it for it in ("MUSTER_URL", "MUSTER_TOKEN") if call.around.environment.get(it)]
    if above:
        tell(f"warning: {' and '.join(above)} stand above the profile; unset them to use it")


@add(app, "logout", examples=["muster logout", "muster logout --profile lab"])
def logout(
    call: Call,
    forget: Annotated[
        bool, typer.Option("--forget", help="Only forget the token here; do not tell the manager.")
    ] = False,
) -> None:
    """Revoke the token of the profile and forget it."""
    name = profiles.profile_name(call.profile, call.around.environment)
    where = profiles.config_path(call.around.environment)
    known = profiles.read(where).get(name)
    if not known or not known.get("token"):
        tell(f"profile {name} has no token; nothing to do")
        return
    if not forget:
        if not known.get("url"):
            raise Usage(f"profile {name} names no manager to tell; use: muster logout --forget")
        _revoke(call, profiles.Target(profiles.checked_url(known["url"]), known["token"], name))
    kept = {key: value for key, value in known.items() if key != "token"}
    profiles.store(where, name, kept)
    tell(f"logged out; profile {name} keeps the address only")


@add(app, "whoami", examples=["muster whoami"])
def whoami(call: Call, view: Printing) -> None:
    """Show who you are to the manager, your roles, and what your token may do."""
    shapes.one_text(call.client.get("whoami/").body, ME, look_of(call, view)).print()


def _revoke(call: Call, target: profiles.Target) -> None:
    with call.client_for(target) as client:
        try:
            client.send("POST", "logout/")
        except Refused as error:
            if error.code not in ("unauthenticated", "token_expired"):
                raise
            tell("the manager did not know the token any more")


def _role(role: dict[str, str]) -> str:
    return f"{role.get('role')} of {role.get('subcluster') or 'everything'}"


def _user(call: Call, given_name: str | None) -> str:
    if given_name:
        return given_name
    if not call.around.asks:
        raise Usage("who are you? Nobody is there to ask: say --user NAME")
    return asking.line("user", getpass.getuser())


def _password(call: Call, *, password_stdin: bool) -> str:
    if password_stdin:
        password = sys.stdin.readline(LONGEST_PASSWORD + 2).rstrip("\r\n")
    elif call.around.asks:
        password = asking.secret("password", call.around)
    else:
        raise Usage("nobody is there to ask for the password: use --password-stdin")
    if not password or len(password) > LONGEST_PASSWORD:
        raise Usage(f"a password has 1 to {LONGEST_PASSWORD} characters")
    return password
