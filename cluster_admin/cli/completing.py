"""Shell completion with the names that live in the cluster.

A manager that is away, slow or says no leaves the shell in peace: nothing is offered, nothing is
said. One second is all it gets.
"""

from collections.abc import Callable, Iterable
from typing import Any

import typer

from cluster_admin.cli import profiles as profile_file
from cluster_admin.cli.errors import Complaint
from cluster_admin.cli.resources import path
from cluster_admin.cli.surroundings import Surroundings

OFFERED = 200
Completer = Callable[[typer.Context, str], list[str]]
Get = Callable[[str, dict[str, str | int]], Any]
"""Reads what the manager has at a path, with a query."""


def _completer(look: Callable[[Get, dict[str, Any], str], Iterable[Any]]) -> Completer:
    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        around = ctx.obj if isinstance(ctx.obj, Surroundings) else Surroundings()
        chosen = ctx.params
        try:
            target = profile_file.resolve(
                chosen.get("profile"), chosen.get("url"), chosen.get("token"), around.environment
            )
            found = look(
                lambda where, query: around.fetch(target, where, query), chosen, incomplete
            )
            names = [str(name) for name in found]
        except (Complaint, OSError, ValueError, LookupError, TypeError):
            return []
        return [name for name in names if name.startswith(incomplete)]

    return complete


def _names(where: str, key: str) -> Completer:
    def look(get: Get, _chosen: dict[str, Any], incomplete: str) -> Iterable[Any]:
        searched: dict[str, str | int] = {"search": incomplete} if incomplete else {}
        answer = get(where, {**searched, "page_size": OFFERED})
        return (row[key] for row in answer["results"])

    return _completer(look)


def _knobs(get: Get, chosen: dict[str, Any], _incomplete: str) -> Iterable[Any]:
    name = chosen.get("subcluster") or get("subclusters/", {"page_size": 1})["results"][0]["name"]
    answer = get(path("subclusters", name, "settings"), {})
    return (row["name"] for row in (answer if isinstance(answer, list) else answer["results"]))


def _revisions(get: Get, _chosen: dict[str, Any], _incomplete: str) -> Iterable[Any]:
    return (row["number"] for row in get("config/revisions/", {"limit": OFFERED})["results"])


nodes = _names("nodes/", "name")
vips = _names("vips/", "address")
subclusters = _names("subclusters/", "name")
segments = _names("segments/", "name")
topologies = _names("topologies/", "cidr")
log_sources = _names("logs/sources/", "name")
log_subscribers = _names("logs/subscribers/", "name")
limits = _names("limits/", "name")
exemptions = _names("limits/exemptions/", "name")
shared_tables = _names("shared/tables/", "name")
tokens = _names("tokens/", "name")
knobs = _completer(_knobs)
revisions = _completer(_revisions)


def _live_tables(get: Get, _chosen: dict[str, Any], _incomplete: str) -> Iterable[Any]:
    return dict.fromkeys(row["name"] for row in get("shared/", {})["rows"])


live_tables = _completer(_live_tables)


def profiles(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of the profile file; no manager is asked."""
    around = ctx.obj if isinstance(ctx.obj, Surroundings) else Surroundings()
    try:
        known = profile_file.read(profile_file.config_path(around.environment))
    except Complaint:
        return []
    return [name for name in known if name.startswith(incomplete)]
