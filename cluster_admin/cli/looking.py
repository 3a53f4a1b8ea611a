"""Commands that look: a list or one object, once or again and again, never a change.

A `Kind` says where objects are, which columns they have, and which filters the API knows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cluster_admin.cli import shapes, watching
from cluster_admin.cli.bundles import Listing, Printing, Recalling, Showing
from cluster_admin.cli.columns import Column
from cluster_admin.cli.durations import moment
from cluster_admin.cli.errors import Usage
from cluster_admin.cli.freshness import warn_if_stale
from cluster_admin.cli.session import Call
from cluster_admin.cli.shapes import Look, tell


@dataclass(frozen=True, slots=True)
class Kind:
    """One sort of object of the API."""

    plural: str
    where: str
    columns: Sequence[Column]
    filters: Sequence[str] = ()
    paged: bool = True
    """Whether the API gives it in pages."""
    live: bool = False
    """Whether it shows states that the manager heard of, and that may be stale."""


def look_of(call: Call, view: Printing) -> Look:
    """The shape that the options ask for."""
    return Look(view.output, view.columns, call.around)


def show_list(
    call: Call, kind: Kind, view: Listing, where: str = "", query: dict[str, Any] | None = None
) -> None:
    """Print a list; with --watch until Ctrl-C."""
    asked = {**(query or {}), **query_of(kind, view)}
    look = look_of(call, view)
    shapes.picked(kind.columns, look)

    def rows() -> list[Any]:
        found, count = _rows(call, kind, where or kind.where, asked, view.limit)
        if len(found) < count and view.watch is None:
            few = f"{len(found)} of {count} {kind.plural}"
            tell(
                f"{'the newest ' if isinstance(view, Recalling) else ''}{few}; --limit 0 shows all"
            )
        return found

    if view.watch is None:
        shapes.rows_text(rows(), kind.columns, look).print()
        _warn(call, kind, look)
    else:
        watching.watch(rows, kind.columns, look, view.watch)


def show_one(call: Call, kind: Kind, where: str, view: Showing) -> None:
    """Print one object; with --watch until Ctrl-C."""
    look = look_of(call, view)
    shapes.picked(kind.columns, look)
    if view.watch is None:
        shapes.one_text(call.client.get(where).body, kind.columns, look).print()
        _warn(call, kind, look)
    else:
        watching.watch(lambda: [call.client.get(where).body], kind.columns, look, view.watch)


def _rows(
    call: Call, kind: Kind, where: str, query: dict[str, Any], limit: int
) -> tuple[list[Any], int]:
    if kind.paged:
        return call.client.rows(where, query, limit)
    found = call.client.get(where, query).body
    return found[: limit or None], len(found)


def _warn(call: Call, kind: Kind, look: Look) -> None:
    if kind.live and look.for_people:
        warn_if_stale(call)


def query_of(kind: Kind, view: Listing) -> dict[str, str]:
    """The filters as the API takes them; one that it does not know is refused here."""
    query = {}
    for written in view.filters:
        key, equals, value = written.partition("=")
        if not equals or key not in kind.filters:
            known = ", ".join(kind.filters) or "none"
            raise Usage(f"filter {written!r}: write KEY=VALUE; {kind.plural} know {known}")
        query[key] = moment(value, key) if key in ("since", "until") else value
    if view.sort:
        query["ordering"] = view.sort
    return query
