"""Revisions as pages list them: those that touch what the reader may see, the newest first.

A page is named by the number that it goes on below (`before`), so that it stays the same while
others commit. Git says which revisions touch a path; the index has their authors and messages.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Q, QuerySet

from cluster_admin.configs import scope
from cluster_admin.configs.models import Revision
from cluster_admin.configs.store import repository
from cluster_admin.dashboard.tables import number, word

SIZE = 50
SEARCHED = 1_000
"""Revisions of a path that a text is looked for in, for one page."""


def stretch(user: Any, query: Mapping[str, str], size: int = SIZE) -> dict[str, Any]:
    """A page of the history (of `path`, with `q`), and where the next one begins."""
    before = number(query, "before", 0)
    path = query.get("path", "").strip().strip("/")
    rows = Revision.objects.all()
    if before:
        rows = rows.filter(number__lt=before)
    text = word(query, "q")
    places = _places(user, path)
    numbers: list[int] = []
    looked = SEARCHED if text else size + 1
    if places is not None:
        numbers = touching(places, before, looked)
        rows = rows.filter(number__in=numbers)
    if text:
        rows = rows.filter(Q(message__icontains=text) | Q(author__icontains=text))
    found = list(rows.order_by("-number")[: size + 1])
    older = found[size - 1].number if len(found) > size else 0
    if not older and text and len(numbers) >= looked:
        older = numbers[-1]
    return {"revisions": found[:size], "before": before, "older": older}


def of_file(path: str, upto: int, size: int) -> QuerySet[Revision]:
    """The revisions up to `upto` that changed a file, the newest first."""
    numbers = touching([path], upto + 1, size)
    return Revision.objects.filter(number__in=numbers).order_by("-number")


def touching(places: Iterable[str], before: int, limit: int) -> list[int]:
    """Numbers of at most `limit` revisions below `before` (0: all) that changed one of these."""
    found: set[int] = set()
    for place in places:
        found.update(row.number for row in repository().log(limit, before or None, place))
    return sorted(found, reverse=True)[:limit]


def _places(user: Any, path: str) -> list[str] | None:
    """The files and directories whose history is wanted and may be seen; None: the whole."""
    if path:
        return [path] if scope.reader(user)(path) else []
    tops = scope.tops(user)
    return None if tops is None else sorted(tops)
