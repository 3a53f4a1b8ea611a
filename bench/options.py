"""What a bench is told: how often, which rows, under which names, and where results go."""

import fnmatch
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

OUTPUT = Path("build/bench")
Teller = Callable[[str], None]
"""Whoever watches a bench at work."""


@dataclass(frozen=True, slots=True)
class Options:
    """What is to be measured."""

    runs: int = 10
    rows: str = "*"
    name: str = "bench"
    """Of the lab that is made, or what the names of its labs begin with."""
    quick: bool = False
    output: Path = OUTPUT

    def asks(self, row: str) -> bool:
        """Whether a row is wanted."""
        return fnmatch.fnmatchcase(row, self.rows)
