"""Shell completion with the names that live in the cluster.

A manager that is away, slow or says no leaves the shell in peace: nothing is offered, nothing is
said. One second is all it gets.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import typer

from cluster_admin.cli import profiles as profile_file
from cluster_admin.cli.errors import Complaint
from cluster_admin.cli.surroundings import Surroundings

if TYPE_CHECKING:
    from cluster_admin.cli.client import Client

PATIENCE_SECONDS = 1.0
OFFERED = 200
Completer = Callable[[typer.Context, str], list[str]]


def _completer(look: Callable[["Client", dict[str, Any], str], Iterable[Any]]) -> Completer:
    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        import httpx

        from cluster_admin.cli.client import Client

        around = ctx.obj if isinstance(ctx.obj, Surroundings) else Surroundings()
        chosen = ctx.params
        try:
            target = profile_file.resolve(
                chosen.get("profile"), chosen.get("url"), chosen.get("token"), around.environment
            )
            with Client(target, around.transport, PATIENCE_SECONDS) as client:
                names = [str(name) for name in look(client, chosen, incomplete)]
        except (Complaint, httpx.HTTPError, httpx.InvalidURL, KeyError, TypeError, OSError):
            return []
        return [name for name in names if name.startswith(incomplete)]

    return complete


def _names(where: str, key: str) -> Completer:
    def look(client: "Client", _chosen: dict[str, Any], incomplete: str) -> Iterable[Any]:
        query = {"search": incomplete} if incomplete else {}
        rows, _ = client.rows(where, query, OFFERED)
        return (row[key] for row in rows)

    return _completer(look)


def _knobs(client: "Client", chosen: dict[str, Any], _incomplete: str) -> Iterable[Any]:
    subcluster = chosen.get("subcluster") or client.rows("subclusters/", {}, 1)[0][0]["name"]
    return (row["name"] for row in client.rows(f"subclusters/{subcluster}/settings/", {}, 0)[0])


nodes = _names("nodes/", "name")
vips = _names("vips/", "address")
subclusters = _names("subclusters/", "name")
segments = _names("segments/", "name")
topologies = _names("topologies/", "cidr")
tokens = _names("tokens/", "name")
knobs = _completer(_knobs)


def profiles(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of the profile file; no manager is asked."""
    around = ctx.obj if isinstance(ctx.obj, Surroundings) else Surroundings()
    try:
        known = profile_file.read(profile_file.config_path(around.environment))
    except Complaint:
        return []
    return [name for name in known if name.startswith(incomplete)]
