"""Rows that come one after the other, in any shape: lines, documents, or csv with one heading.

The columns of a table only ever grow, and so stay aligned.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.cells import cell_len

from cluster_admin.cli import shapes, tables
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


class RowPrinter:
    """Prints rows as they come; `least` as in a growing table."""

    def __init__(self, columns: Sequence[Column], look: Look, least: Mapping[str, int]) -> None:
        self.columns, self.look = columns, look
        self.table = GrowingTable(columns, look, least)
        self.heading = True

    def print(self, rows: Sequence[Any]) -> None:
        """Print further rows; the first call brings the heading, even without any."""
        if self.look.output is Output.CSV:
            text = shapes.table_csv(rows, self.columns, heading=self.heading)
        elif self.look.for_people:
            text = "".join(f"{line}\n" for line in self.table.lines(rows))
        else:
            text = "".join(map(self._document, rows))
        self.heading = False
        shapes.put(text)

    def _document(self, row: Any) -> str:
        if self.look.names:
            row = {column.name: column.value(row) for column in self.columns}
        if self.look.output is Output.YAML:
            return "---\n" + shapes.document(row, Output.YAML)
        return shapes.steerless(json.dumps(row, ensure_ascii=False)) + "\n"
