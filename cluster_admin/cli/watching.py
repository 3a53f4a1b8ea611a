"""--watch: look again and again. A terminal is redrawn; a pipe gets each change once.

A manager that goes away is no end: what was known stays, marked as stale, until it is back.
Ages alone are no change. Ctrl-C ends it.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, NoReturn

from cluster_admin.cli import shapes, tables
from cluster_admin.cli.columns import Column, Rank
from cluster_admin.cli.durations import ago
from cluster_admin.cli.errors import Complaint
from cluster_admin.cli.growing import RowPrinter
from cluster_admin.cli.resources import identity
from cluster_admin.cli.shapes import Look, tell

HOME, CLEAR, END_OF_LINE, END_OF_SCREEN = "\x1b[H", "\x1b[2J", "\x1b[K", "\x1b[J"
RESTLESS = ("age_seconds", "heard_at", "seen_at", "stale_seconds")
CHANGE = Column("change", rank=Rank.KEY)
Rows = Callable[[], list[Any]]


def watch(rows: Rows, columns: Sequence[Column], look: Look, seconds: float) -> NoReturn:
    """Show rows until Ctrl-C; the first look has to succeed."""
    shown = _Screen(columns, look, seconds) if look.around.shows else _Changes(columns, look)
    known = rows()
    stale = ""
    while True:
        shown.show(known, stale)
        look.around.sleep(seconds)
        try:
            known, stale = rows(), ""
        except Complaint as error:
            if not error.passing:
                raise
            stale = stale or f"STALE since {_now()}: {error}"


class _Screen:
    """The whole terminal, drawn over without a flicker."""

    def __init__(self, columns: Sequence[Column], look: Look, seconds: float) -> None:
        self.columns, self.look, self.seconds = columns, look, seconds
        shapes.put(CLEAR)

    def show(self, rows: list[Any], stale: str) -> None:
        text = shapes.rows_text(rows, self.columns, self.look)
        head = stale or f"every {self.seconds:g} s, last at {_now()}; Ctrl-C ends"
        lines = [tables.cut(head, self.look.around.width), *text.data.splitlines()]
        room = self.look.around.height - 1
        if len(lines) > room:
            lines[room - 1 :] = [f"… {len(lines) - room + 1} more; choose with --filter"]
        drawn = "".join(f"{line}{END_OF_LINE}\n" for line in lines)
        shapes.put(f"{HOME}{drawn}{END_OF_SCREEN}")


class _Changes:
    """Rows that are new, changed or gone since the look before, each with that word."""

    def __init__(self, columns: Sequence[Column], look: Look) -> None:
        self.look = look
        self.columns = [CHANGE, *shapes.picked(columns, look)]
        self.before: dict[str, tuple[Any, Any]] | None = None
        self.printer = RowPrinter(self.columns, look, {"change": len("changed")})
        self.stale = ""

    def show(self, rows: list[Any], stale: str) -> None:
        if stale != self.stale:
            tell(stale or "the manager answers again")
            self.stale = stale
        now = {identity(row): (self._steady(row), row) for row in rows}
        self.printer.print(list(self._changed(now)))
        self.before = now

    def _changed(self, now: dict[str, tuple[Any, Any]]) -> Iterator[dict[str, Any]]:
        before = self.before
        for name, (steady, row) in now.items():
            if before is None or name not in before:
                yield {"change": "is" if before is None else "new", **row}
            elif before[name][0] != steady:
                yield {"change": "changed", **row}
        for name, (_, row) in (before or {}).items():
            if name not in now:
                yield {"change": "gone", **row}

    def _steady(self, row: Any) -> Any:
        """What of a row makes a change when it differs."""
        if self.look.verbatim:
            return _without_ages(row)
        return [column.field(row) for column in self.columns[1:] if column.text is not ago]


def _without_ages(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_ages(each) for key, each in value.items() if key not in RESTLESS}
    return value


def _now() -> str:
    return datetime.now().astimezone().strftime("%H:%M:%S")
