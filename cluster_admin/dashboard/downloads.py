"""Tables as CSV, row by row, so that a large one needs no memory; safe to open in a spreadsheet.

A text that a spreadsheet would take for a formula gets an apostrophe in front, as is usual.
"""

import csv
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from datetime import datetime
from typing import Any

from django.http import StreamingHttpResponse

from cluster_admin.dashboard.tables import Column

FORMULA = ("=", "+", "-", "@", "\t", "\r")
ROWS = 500
"""In one piece."""


class _Line:
    """Where `csv` writes: keeps the line."""

    text = ""

    def write(self, text: str) -> None:
        self.text = text


def as_csv(rows: AsyncIterable[Any], columns: Sequence[Column], name: str) -> StreamingHttpResponse:
    """The answer that downloads `name`.csv."""
    response = StreamingHttpResponse(_pieces(rows, columns), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


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


async def _pieces(rows: AsyncIterable[Any], columns: Sequence[Column]) -> AsyncIterator[str]:
    line = _Line()
    writer = csv.writer(line)
    writer.writerow([column.name for column in columns])
    piece = [line.text]
    async for row in rows:
        writer.writerow([safe(column.text(row)) for column in columns])
        piece.append(line.text)
        if len(piece) == ROWS:
            yield "".join(piece)
            piece = []
    yield "".join(piece)
