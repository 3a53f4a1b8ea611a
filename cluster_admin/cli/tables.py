"""Tables for people: plain aligned columns, coloured words, fitted to the terminal's width.

Written here because Rich's own tables take seconds for 10,000 rows; its colours and widths of
characters are used. What does not fit is left out from the right, and the caller is told.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len, set_cell_size
from rich.color import ColorSystem
from rich.style import Style

from cluster_admin.cli.columns import Column, Rank, printable

GAP = "  "
LEAST = 8
"""Columns that are worth showing the beginning of a long last cell."""
STYLES = {
    "green": ("alive", "owned", "ready", "enabled", "done"),
    "yellow": (
        *("suspected", "unowned", "stuck", "foreign", "unknown"),
        *("isolated", "joining", "pending", "new"),
    ),
    "cyan": ("draining", "maintenance", "stopping", "left", "changed", "unchanged"),
    "bold red": (
        "dead",
        "UNSAFE",
        "BROKEN",
        "conflict",
        "nobody",
        "denied",
        "refused",
        "failed",
        "gone",
    ),
}
STYLE_OF = {word: Style.parse(style) for style, words in STYLES.items() for word in words}
ALARM = Style.parse("bold red")
HEADING = Style(bold=True)
ADDED, REMOVED, PLACE = Style.parse("green"), Style.parse("red"), Style.parse("cyan")


@dataclass(frozen=True, slots=True)
class Fitted:
    """The columns with room for them, and their widths."""

    columns: Sequence[Column]
    widths: Sequence[int]
    left_out: Sequence[str]


def fit(
    columns: Sequence[Column],
    rows: Sequence[Any],
    width: int,
    *,
    whole: bool,
    least: Mapping[str, int] | None = None,
) -> Fitted:
    """Choose what fits into `width`; with `whole` everything stays, however wide.

    `least`: widths that columns have at least, by name; these columns are not empty.
    """
    known = least or {}
    natural = [
        max(
            cell_len(column.name),
            known.get(column.name, 0),
            *(cell_len(column.cell(row)) for row in rows),
        )
        for column in columns
    ]
    keep = list(range(len(columns)))
    out: list[str] = []
    if not whole and _needed(natural, keep) > width:
        keep = [i for i in keep if columns[i].name in known or not _is_empty(columns[i], rows)]
        if _needed(natural, keep) > width:
            for i in keep:
                natural[i] = min(natural[i], columns[i].most or natural[i])
    while not whole and len(keep) > 1 and _needed(natural, keep) > width:
        last = keep[-1]
        room = width - _needed(natural, keep[:-1]) - len(GAP)
        if room >= LEAST and natural[last] > LEAST:
            natural[last] = room
            break
        loose = [index for index in keep if columns[index].rank > Rank.KEY]
        if not loose:
            break
        keep.remove(loose[-1])
        out.insert(0, columns[loose[-1]].name)
    return Fitted([columns[i] for i in keep], [natural[i] for i in keep], out)


def lines(
    fitted: Fitted, rows: Sequence[Any], *, colours: bool, heading: bool = True
) -> Iterator[str]:
    """The heading and one line per row."""
    if heading:
        names = [column.name.upper() for column in fitted.columns]
        yield _line(names, fitted.widths, [HEADING] * len(names) if colours else None)
    for row in rows:
        cells = [column.cell(row) for column in fitted.columns]
        styles = [_style(*pair, row) for pair in zip(fitted.columns, cells, strict=True)]
        yield _line(cells, fitted.widths, styles if colours else None)


def facts(columns: Sequence[Column], row: Any, *, colours: bool) -> Iterator[str]:
    """One object: a line per field that has something."""
    width = max((cell_len(column.name) for column in columns), default=0)
    for column in columns:
        if cell := column.cell(row):
            styles = [HEADING, _style(column, cell, row)] if colours else None
            yield _line([column.name, cell], [width, 0], styles)


def diff(text: str, *, colours: bool) -> Iterator[str]:
    """A unified diff, running -> proposed."""
    for line in map(printable, text.splitlines()):
        style = {"+": ADDED, "-": REMOVED, "@": PLACE}.get(line[:1])
        yield _painted(line, style) if colours else line


def _is_empty(column: Column, rows: Sequence[Any]) -> bool:
    """Whether nothing is lost without the column."""
    return column.rank > Rank.KEY and not any(column.cell(row) for row in rows)


def _style(column: Column, cell: str, row: Any) -> Style | None:
    return ALARM if column.alarm and column.value(row) else STYLE_OF.get(cell)


def _needed(widths: Sequence[int], keep: Sequence[int]) -> int:
    return sum(widths[index] for index in keep) + len(GAP) * (len(keep) - 1)


def _line(
    cells: Sequence[str], widths: Sequence[int], styles: Sequence[Style | None] | None
) -> str:
    last = len(cells) - 1
    parts = []
    for index, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        text = cut(cell, width) if width else cell
        blank = " " * max(0, width - cell_len(text)) if index < last else ""
        parts.append((_painted(text, styles[index]) if styles else text) + blank)
    return GAP.join(parts).rstrip()


def cut(text: str, width: int) -> str:
    """The text, or the beginning of it that fits, with a mark."""
    return text if cell_len(text) <= width else set_cell_size(text, width - 1).rstrip() + "…"


def _painted(text: str, style: Style | None) -> str:
    return style.render(text, color_system=ColorSystem.STANDARD) if style and text else text
