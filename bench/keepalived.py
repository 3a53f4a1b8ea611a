"""The bench `keepalived`: everything the fault table promises, and keepalived beside it.

It has parts, one after the other, each with labs of its own; a part brings rows.
"""

from collections.abc import Callable
from typing import Protocol

from rich.table import Table

from bench.keepalived_comparison import Comparison, with_manager
from bench.keepalived_table import comparison
from bench.options import Options, Teller
from bench.report import Row
from bench.scale import Scale


class Part(Protocol):
    """A share of the bench. It measures only what `Options.rows` asks for, `quick` or in full."""

    def measure(self) -> None:
        """Measure, and leave nothing behind."""

    def rows(self) -> list[Row]:
        """What was measured so far."""


PARTS: tuple[Callable[[Options, Teller], Part], ...] = (with_manager, Scale)
"""What is measured after the comparison; each takes the options and whom to tell of progress."""


class KeepalivedBench:
    """The bench at work."""

    def __init__(self, options: Options, tell: Teller) -> None:
        self._comparison = Comparison(options, tell)
        self._parts: list[Part] = [self._comparison, *(make(options, tell) for make in PARTS)]

    def measure(self) -> None:
        """Measure part by part."""
        for part in self._parts:
            part.measure()

    def rows(self) -> list[Row]:
        """What was measured so far."""
        return [row for part in self._parts for row in part.rows()]

    def compared(self) -> Table:
        """One line per fault, all sides beside each other."""
        return comparison(self._comparison.runs)
