"""The bench `keepalived`: everything the fault table promises, and keepalived beside it.

It has parts, one after the other, each with labs of its own; a part brings rows. Writes
`keepalived.json` (rows with their peers, and the machine) into the output directory.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec
from rich.table import Table

from bench.keepalived_comparison import Comparison, Teller, with_manager
from bench.keepalived_sides import Options
from bench.keepalived_table import comparison
from bench.machine import describe
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
        self._options = options
        self._comparison = Comparison(options, tell)
        self._parts: list[Part] = [self._comparison, *(make(options, tell) for make in PARTS)]
        self._machine = describe()

    def measure(self) -> None:
        """Measure part by part."""
        for part in self._parts:
            part.measure()

    def rows(self) -> list[Row]:
        """What was measured so far."""
        return [row for part in self._parts for row in part.rows()]

    def save(self) -> Path:
        """Write the rows; answers where."""
        path = self._options.output / "keepalived.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        found = {"rows": self.rows(), "machine": self._machine}
        path.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
        return path

    def compared(self) -> Table:
        """One line per fault, all sides beside each other."""
        return comparison(self._comparison.runs)
