"""Tables of pages as CSV: their columns, whether shown or not."""

from collections.abc import AsyncIterable, Sequence
from typing import Any

from django.http import StreamingHttpResponse

from cluster_admin.dashboard.tables import Column
from cluster_admin.rest.spreadsheets import download


def as_csv(rows: AsyncIterable[Any], columns: Sequence[Column], name: str) -> StreamingHttpResponse:
    """The answer that downloads `name`.csv."""
    return download(rows, [(column.name, column.text) for column in columns], name)
