"""Rows as CSV, piece by piece: a large table needs no memory, and a spreadsheet may open it.

A text that a spreadsheet would take for a formula gets an apostrophe in front, as is usual. Which
columns there are, the callers say; `rest.csv_lists` says who wants CSV of the API.
"""

import csv
from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.http import StreamingHttpResponse

MEDIA_TYPE = "text/csv"
FORMULA = ("=", "+", "-", "@", "\t", "\r")
ROWS = 500
"""In one piece, and asked of the database at once."""
Cell = tuple[str, Callable[[Any], object]]
"""A column: its name, and what stands there of a row."""
M = TypeVar("M", bound=Model)


class _Line:
    """Where `csv` writes: keeps the line."""

    text = ""

    def write(self, text: str) -> None:
        self.text = text


def download(rows: AsyncIterable[Any], cells: Sequence[Cell], name: str) -> StreamingHttpResponse:
    """The answer that downloads `name`.csv."""
    response = StreamingHttpResponse(
        _pieces(rows, cells), content_type=f"{MEDIA_TYPE}; charset=utf-8"
    )
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    response["Cache-Control"] = "no-store"
    return response


async def newest_first(rows: QuerySet[M], size: int = ROWS) -> AsyncIterator[M]:
    """All rows by id downwards; each piece is a query of its own, so that no cursor stays open."""
    rest = rows.order_by("-pk")
    while True:
        piece = [row async for row in rest[:size]]
        for row in piece:
            yield row
        if len(piece) < size:
            return
        rest = rows.order_by("-pk").filter(pk__lt=piece[-1].pk)


def safe(value: object) -> object:
    """A cell: times in ISO 8601, lists by blanks, texts that are no formulas."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    if isinstance(value, bool | int | float):
        return value
    text = " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


async def _pieces(rows: AsyncIterable[Any], cells: Sequence[Cell]) -> AsyncIterator[str]:
    line = _Line()
    writer = csv.writer(line)
    writer.writerow([name for name, _ in cells])
    piece = [line.text]
    async for row in rows:
        writer.writerow([safe(text(row)) for _, text in cells])
        piece.append(line.text)
        if len(piece) == ROWS:
            yield "".join(piece)
            piece = []
    yield "".join(piece)
