"""A table whose rows come one after the other: its columns only ever grow, and so stay aligned."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.cells import cell_len

from cluster_admin.cli import tables
from cluster_admin.cli.columns import Column
from cluster_admin.cli.shapes import Look, Output

WIDEST = 60
"""Cells beyond this stand out of their column, or are cut on a terminal."""


class GrowingTable:
    """Lines of a table that has no end; `least` are the widths to begin with, by column."""

    def __init__(self, columns: Sequence[Column], look: Look, least: Mapping[str, int]) -> None:
        self.columns, self.look = columns, look
        self.widths = {column.name: least.get(column.name, 0) for column in columns}
        self.shown: list[str] = []

    def lines(self, rows: Iterable[Any]) -> Iterator[str]:
        """Aligned lines; the heading comes first, and again when other columns fit."""
        rows = list(rows)
        for column in self.columns:
            cells = (min(WIDEST, cell_len(column.cell(row))) for row in rows)
            self.widths[column.name] = max(self.widths[column.name], *cells, 0)
        wide = self.look.output is Output.WIDE or bool(self.look.names)
        whole = wide or not self.look.around.shows
        fitted = tables.fit(
            self.columns, rows, self.look.around.width, whole=whole, least=self.widths
        )
        names = [column.name for column in fitted.columns]
        heading, self.shown = names != self.shown, names
        yield from tables.lines(fitted, rows, colours=self.look.around.colours, heading=heading)
