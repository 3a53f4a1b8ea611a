"""`muster manager ...`: this host as a manager. Needs no manager that runs, and no login."""

import http.client
import sys
from pathlib import Path
from typing import Annotated

import typer

from cluster_admin.cli import manager_restore, shapes
from cluster_admin.cli.bundles import DryRun, Printing, add
from cluster_admin.cli.columns import Column, Rank
from cluster_admin.cli.errors import Usage
from cluster_admin.cli.manager_host import (
    DATA_VARIABLE,
    KEY_VARIABLE,
    USUAL_DIRECTORY,
    Directory,
    Host,
)
from cluster_admin.cli.manager_init import Init
from cluster_admin.cli.manager_plan import Wish
from cluster_admin.cli.shapes import Look, tell
from cluster_admin.cli.surroundings import Surroundings
from workers.exit_codes import Exit

WEB_HOST, WEB_PORT = "127.0.0.1", 8025
"""Where the unit muster-web listens; the proxy that ends TLS is in front of it."""
ASK_SECONDS = 5.0
STATUS = (
    Column("cluster", rank=Rank.KEY),
    Column("url"),
    Column("web"),
    Column("environment"),
    Column("key_file"),
    Column("data_directory"),
)
STEPS = (
    Column("step", rank=Rank.KEY),
    Column("outcome", rank=Rank.KEY),
    Column("detail"),
)
LEAST_PASSWORD = 10
DATA = Path("/var/lib/muster/manager")
UNITS = "muster-web muster-listener muster-tasks muster-beat"
app = typer.Typer(no_args_is_help=True, help="This host as a manager; no login is needed.")
app.registered_commands += manager_restore.app.registered_commands


Cluster = Annotated[str, typer.Option("--cluster", help="Name of the cluster.")]
Url = Annotated[
    str, typer.Option("--url", metavar="URL", help="Where others find it: https://HOST.")
]
Broker = Annotated[
    str,
    typer.Option(
        "--broker", metavar="URL,...", help="amqp://HOST/, with USER:PASSWORD@ if that is made."
    ),
]
Management = Annotated[
    str,
    typer.Option(
        "--broker-management",
        metavar="URL,...",
        envvar="MUSTER_BROKER_MANAGEMENT_URL",
        show_envvar=False,
        help="http://USER:PASSWORD@HOST:15672 of an administrator of the broker; others see it"
        " in the process list, so prefer the environment. (env MUSTER_BROKER_MANAGEMENT_URL)",
    ),
]
Admin = Annotated[str, typer.Option("--admin", help="Name of the first account.")]
PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Its password is on stdin. Unset: one is made.")
]
Bare = Annotated[
    bool, typer.Option("--bare", help="No subcluster and no account: what comes is restored.")
]
Key = Annotated[
    Path | None,
    typer.Option("--key", help="The cluster key of nodes that run already. Unset: a new one."),
]
User = Annotated[str, typer.Option("--user", help="Who runs the manager.")]
Data = Annotated[Path, typer.Option("--data", help="Where database and repository are.")]


@add(
    app,
    "init",
    examples=[
        "muster manager init --cluster example --url https://muster.example.net"
        " --broker amqp://mq1.example.net/"
        " --broker-management http://admin:PASSWORD@127.0.0.1:15672",
        "muster manager init --dry-run",
        "muster manager init --cluster example --url https://muster.example.net"
        " --broker amqp://manager:PASSWORD@mq1.example.net/ --bare",
    ],
)
def init(
    around: Surroundings,
    view: Printing,
    cluster: Cluster = "",
    url: Url = "",
    broker: Broker = "",
    management: Management = "",
    admin: Admin = "admin",
    password_stdin: PasswordStdin = False,
    bare: Bare = False,
    key: Key = None,
    user: User = "muster",
    data: Data = DATA,
    directory: Directory = USUAL_DIRECTORY,
    dry_run: DryRun = False,
) -> None:
    """Make this host a manager; repeat it after an interruption, or to change what it is told."""
    look = Look(view.output, view.columns, around)
    shapes.picked(STEPS, look)
    wish = Wish(cluster, _parts(broker), _parts(management), url)
    work = Init(Host(directory), wish, data, user, key)
    if dry_run:
        rows = work.missing()
        shapes.rows_text(rows, STEPS, look).print()
        tell("then: broker account, tables, subcluster and account, each if it is missing")
        if any(row["outcome"] != "unchanged" for row in rows):
            raise typer.Exit(Exit.CHANGES_PENDING)
        return
    password = _password() if password_stdin and not bare else ""
    rows = list(work.run("" if bare else admin, password))
    shapes.rows_text(rows, STEPS, look).print()
    if bare:
        tell("next: muster manager restore --from NODE, then muster manager init once more")
    else:
        tell(f"next: systemctl enable --now {UNITS}")
        tell(f"and a proxy that ends TLS in front of {WEB_HOST}:{WEB_PORT} (docs/operations.md)")


@add(app, "status", examples=["muster manager status", "muster manager status -o json"])
def status(around: Surroundings, view: Printing, directory: Directory = USUAL_DIRECTORY) -> None:
    """Show what this host's manager is told, without secrets, and whether it answers here."""
    host = Host(directory)
    settings = host.environment()
    row = {
        "cluster": settings.get("MUSTER_CLUSTER", ""),
        "url": settings.get("MUSTER_PUBLIC_URL", ""),
        "web": _web(),
        "environment": str(host.file),
        "key_file": settings.get(KEY_VARIABLE, ""),
        "data_directory": settings.get(DATA_VARIABLE, ""),
    }
    shapes.one_text(row, STATUS, Look(view.output, view.columns, around)).print()


@add(
    app,
    "manage",
    examples=[
        "muster manager manage reindex",
        "muster manager manage -- bootstrap --definitions /tmp/definitions.toml",
    ],
)
def manage(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="WORD...", help="Of manage.py; behind -- if options are among them."
        ),
    ],
    directory: Directory = USUAL_DIRECTORY,
) -> None:
    """Run manage.py as the manager's account, with what the manager is told; paths are whole."""
    shapes.put(Host(directory).manage(*words))


def _web() -> str:
    """What the web server of this host says of itself."""
    door = http.client.HTTPConnection(WEB_HOST, WEB_PORT, timeout=ASK_SECONDS)
    try:
        door.request("GET", "/readyz")
        code = door.getresponse().status
    except (OSError, http.client.HTTPException):
        return f"does not answer on {WEB_HOST}:{WEB_PORT}"
    finally:
        door.close()
    return "ready" if code == http.HTTPStatus.OK else f"not ready (HTTP {code}): see /readyz"


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _password() -> str:
    password = sys.stdin.readline().rstrip("\r\n")
    if len(password) < LEAST_PASSWORD:
        raise Usage(f"a password has at least {LEAST_PASSWORD} characters")
    return password
