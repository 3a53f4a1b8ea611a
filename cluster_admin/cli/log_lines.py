"""Lines of logs as commands print them: for people the node, then the line, whole.

Other shapes, and chosen columns, are as of every list; each line comes once, however often the
manager tells it.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from cluster_admin.cli import shapes
from cluster_admin.cli.columns import Column, Rank, instant, printable
from cluster_admin.cli.growing import RowPrinter
from cluster_admin.cli.shapes import Look, Output

COLUMNS = (
    Column("time", rank=Rank.KEY, text=instant),
    Column("node", rank=Rank.KEY),
    Column("source"),
    Column("text", rank=Rank.KEY),
    Column("subcluster", rank=Rank.WIDE),
    Column("cut", rank=Rank.WIDE),
    Column("path", rank=Rank.ASKED),
    Column("offset", rank=Rank.ASKED),
)
KNOWN_MAX = 5_000


class LinePrinter:
    """Prints lines as they come."""

    def __init__(self, look: Look) -> None:
        shapes.picked(COLUMNS, look)  # names a column that is not there, before anything is asked
        self._look = look
        self._rows = RowPrinter(shapes.picked(COLUMNS, look), look, {})
        self._known: OrderedDict[tuple[str, int], None] = OrderedDict()
        self._width = 0

    def print(self, lines: Sequence[dict[str, Any]]) -> int:
        """Print those that were not printed yet; how many there were."""
        new = [line for line in lines if self._is_new(line)]
        if self._look.output is Output.TABLE and not self._look.names:
            self._width = max([self._width, *(len(str(line["node"])) for line in new)])
            shapes.put("".join(self._line(line) for line in new))
        else:
            self._rows.print(new)
        return len(new)

    def _line(self, line: dict[str, Any]) -> str:
        node, text = printable(str(line["node"])), printable(str(line["text"]))
        return f"{node:<{self._width}}  {text}{' …' if line['cut'] else ''}\n"

    def _is_new(self, line: dict[str, Any]) -> bool:
        key = (str(line["path"]), int(line["offset"]))
        if key in self._known:
            return False
        self._known[key] = None
        while len(self._known) > KNOWN_MAX:
            self._known.popitem(last=False)
        return True
