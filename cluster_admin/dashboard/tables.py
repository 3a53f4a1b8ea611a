"""Tables of pages: sorted, paged and filtered by the database, all of it said in the URL.

Wrong values in a URL are not an error: an unknown order is the usual one, a page that does not
exist the nearest that does.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Expression, F, OrderBy, QuerySet

SIZES = (50, 100, 250, 500)
TEXT_MAX = 100
"""Characters of a filter."""
Key = str | Expression


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `order`: what it sorts by, nothing if it does not; `text`: its cell in CSV."""

    name: str
    title: str
    text: Callable[[Any], object]
    order: tuple[Key, ...] = ()
    css: str = ""
    shown: bool = True
    """False: in CSV only."""


@dataclass(frozen=True, slots=True)
class Head:
    """A column's head, and what a click on it asks for."""

    column: Column
    sorted: str
    """ascending, descending or none, as ARIA says it."""
    next_sort: str


@dataclass(frozen=True, slots=True)
class Choice:
    """How a table is asked for: column, direction, page, rows on a page."""

    sort: str
    descending: bool
    page: int
    size: int

    @classmethod
    def of(cls, query: Mapping[str, str], columns: Sequence[Column], usual: str) -> "Choice":
        """Read it from a URL."""
        known = {column.name for column in columns if column.order}
        text = query.get("sort", "")
        sort = text if text.removeprefix("-") in known else usual
        size = number(query, "size", SIZES[0])
        return cls(
            sort.removeprefix("-"),
            sort.startswith("-"),
            max(1, number(query, "page", 1)),
            size if size in SIZES else SIZES[0],
        )


@dataclass(frozen=True, slots=True)
class Table:
    """One page of rows."""

    heads: list[Head]
    rows: list[Any]
    total: int
    page: int
    pages: int
    size: int
    first: int
    """Number of the first row shown, from 1; 0 when there is none."""
    last: int
    sizes: tuple[int, ...] = SIZES

    @property
    def previous(self) -> int:
        """Number of the page before."""
        return self.page - 1

    @property
    def next(self) -> int:
        """Number of the page after."""
        return self.page + 1


def ordered(
    rows: QuerySet[Any], columns: Sequence[Column], choice: Choice, last: str
) -> QuerySet[Any]:
    """Sort; `last` tells rows apart that are alike, so that pages never overlap."""
    column = next(one for one in columns if one.name == choice.sort)
    keys = [_key(one, choice.descending) for one in column.order]
    return rows.order_by(*keys, _key(last, choice.descending))


def page_of(
    rows: QuerySet[Any], columns: Sequence[Column], choice: Choice, last: str = "pk"
) -> Table:
    """Two queries: how many there are, and those of the page."""
    total = rows.order_by().count()
    pages = max(1, -(-total // choice.size))
    page = min(choice.page, pages)
    start = (page - 1) * choice.size
    found = list(ordered(rows, columns, choice, last)[start : start + choice.size])
    return Table(
        [_head(one, choice) for one in columns if one.shown],
        found,
        total,
        page,
        pages,
        choice.size,
        start + 1 if found else 0,
        start + len(found),
    )


def word(query: Mapping[str, str], name: str) -> str:
    """A filter's text, cut to length, without what no database takes."""
    return query.get(name, "").replace("\0", "").strip()[:TEXT_MAX]


def number(query: Mapping[str, str], name: str, instead: int) -> int:
    """A whole number that every database takes; `instead` for anything else."""
    text = query.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else instead


def _key(key: Key, descending: bool) -> OrderBy:
    field = F(key) if isinstance(key, str) else key
    if descending:
        return OrderBy(field, descending=True, nulls_last=True)
    return OrderBy(field, nulls_last=True)


def _head(column: Column, choice: Choice) -> Head:
    if column.name != choice.sort:
        return Head(column, "none", column.name)
    if choice.descending:
        return Head(column, "descending", column.name)
    return Head(column, "ascending", f"-{column.name}")
