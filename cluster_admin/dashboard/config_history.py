"""Revisions as pages list them: those that touch what the reader may see, the newest first.

A page is named by the number that it goes on below (`before`), so that it stays the same while
others commit; and by where the file or directory asked for was then (`was`), if it was elsewhere.
Git says which revisions touch a path; the index has their authors and messages.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from cluster_admin.configs import scope
from cluster_admin.configs.models import Revision
from cluster_admin.configs.places_history import Step, history
from cluster_admin.configs.store import repository
from cluster_admin.dashboard.tables import number, word

SIZE = 50
SEARCHED = 1_000
"""Revisions of a path that a text is looked for in, for one page."""


@dataclass(frozen=True, slots=True)
class Line:
    """A revision of a list, and where the path asked for was then; empty: none was asked for."""

    row: Revision
    path: str = ""


def stretch(user: Any, query: Mapping[str, str], size: int = SIZE) -> dict[str, Any]:
    """A page of the history (of `path`, with `q`), and where the next one begins."""
    before, text = number(query, "before", 0), word(query, "q")
    path, was = (query.get(name, "").strip().strip("/") for name in ("path", "was"))
    if path:
        found, onward = _of_path(user, was or path, before, text, size)
        older, older_was = (onward.revision.number + 1, onward.path) if onward else (0, "")
    else:
        rows, older = _of_all(user, before, text, size)
        found, older_was = [Line(row) for row in rows], ""
    return {
        "revisions": found,
        "path": path,
        "before": before,
        "older": older,
        "older_was": older_was if older_was != path else None,
    }


def of_file(user: Any, path: str, upto: int, size: int) -> list[Line]:
    """The revisions up to `upto` that changed a file, wherever it was, the newest first."""
    return _lines(history(path, size, upto + 1, scope.reader(user)), Revision.objects.all())


def touching(places: Iterable[str], before: int, limit: int) -> list[int]:
    """Numbers of at most `limit` revisions below `before` (0: all) that changed one of these."""
    found: set[int] = set()
    for place in places:
        found.update(row.number for row in repository().log(limit, before or None, place))
    return sorted(found, reverse=True)[:limit]


def _of_all(user: Any, before: int, text: str, size: int) -> tuple[list[Revision], int]:
    """Revisions of all that the user may see, and the number that the next page is below."""
    rows = _with(Revision.objects.all(), text)
    if before:
        rows = rows.filter(number__lt=before)
    tops = scope.tops(user)
    numbers: list[int] = []
    looked = SEARCHED if text else size + 1
    if tops is not None:
        numbers = touching(sorted(tops), before, looked)
        rows = rows.filter(number__in=numbers)
    found = list(rows.order_by("-number")[: size + 1])
    older = found[size - 1].number if len(found) > size else 0
    if not older and text and len(numbers) >= looked:
        older = numbers[-1]
    return found[:size], older


def _of_path(
    user: Any, path: str, before: int, text: str, size: int
) -> tuple[list[Line], Step | None]:
    """Revisions of a file or directory, and the first step of the next page."""
    sees = scope.reader(user)
    if not sees(path):
        return [], None
    looked = SEARCHED if text else size
    steps = history(path, looked + 1, before or None, sees)
    found = _lines(steps[:looked], _with(Revision.objects.all(), text))
    if len(found) > size:
        cut = found[size].row.number
        return found[:size], next(one for one in steps if one.revision.number == cut)
    return found, steps[looked] if len(steps) > looked else None


def _lines(steps: list[Step], rows: QuerySet[Revision]) -> list[Line]:
    """The rows of these steps that are among `rows`."""
    numbers = [one.revision.number for one in steps]
    found = {row.number: row for row in rows.filter(number__in=numbers)}
    return [
        Line(found[one.revision.number], one.path) for one in steps if one.revision.number in found
    ]


def _with(rows: QuerySet[Revision], text: str) -> QuerySet[Revision]:
    """Those with a text in message or author."""
    return rows.filter(Q(message__icontains=text) | Q(author__icontains=text)) if text else rows
