"""`muster manager ...`: this host as a manager. Needs no manager that runs, and no login."""

import http.client

import typer

from cluster_admin.cli import shapes
from cluster_admin.cli.bundles import Printing, add
from cluster_admin.cli.columns import Column, Rank
from cluster_admin.cli.looking import look_of
from cluster_admin.cli.manager_host import (
    DATA_VARIABLE,
    KEY_VARIABLE,
    USUAL_DIRECTORY,
    Directory,
    Host,
)
from cluster_admin.cli.session import Call

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
app = typer.Typer(no_args_is_help=True, help="This host as a manager; no login is needed.")


@add(app, "status", examples=["muster manager status", "muster manager status -o json"])
def status(call: Call, view: Printing, directory: Directory = USUAL_DIRECTORY) -> None:
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
    shapes.one_text(row, STATUS, look_of(call, view)).print()


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
