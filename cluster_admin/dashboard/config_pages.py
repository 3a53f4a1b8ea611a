"""Long lists of the configuration, cut into pages; and which revision a page is about.

Wrong values in a URL are not an error, as in `tables`; a revision that is not there is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.http import Http404

from cluster_admin.dashboard.tables import number

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pages(Generic[T]):
    """One page of a list that is in memory."""

    rows: Sequence[T]
    total: int
    number: int
    count: int
    first: int
    """Number of the first row shown, from 1; 0 when there is none."""
    last: int

    @property
    def previous(self) -> int:
        """Number of the page before."""
        return self.number - 1

    @property
    def next(self) -> int:
        """Number of the page after."""
        return self.number + 1


def paged(rows: Sequence[T], query: Mapping[str, str], size: int) -> Pages[T]:
    """The page that a URL asks for (`page`), or the nearest that there is."""
    count = max(1, -(-len(rows) // size))
    page = min(max(1, number(query, "page", 1)), count)
    start = (page - 1) * size
    shown = rows[start : start + size]
    return Pages(shown, len(rows), page, count, start + 1 if shown else 0, start + len(shown))


def revision_asked(query: Mapping[str, str], newest: int, name: str = "revision") -> int:
    """The revision that a URL names, the newest when it names none; 404 for one not there."""
    asked = number(query, name, newest)
    if asked > newest:
        raise Http404
    return asked
