"""What a command finds around it: environment, terminal, clock and the way to the network.

Tests hand in their own through Typer's context object; nothing here is patched.
"""

import getpass
import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

    from cluster_admin.cli.profiles import Target

Fetch = Callable[["Target", str, Mapping[str, str | int]], Any]
PIPED_WIDTH = 10_000
"""A pipe has no width to respect."""


def _fetch(target: "Target", where: str, query: Mapping[str, str | int]) -> Any:
    from cluster_admin.cli.fetching import fetch  # only for completion

    return fetch(target, where, query)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The defaults are the real things; times are seconds."""

    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    transport: "httpx.BaseTransport | None" = None
    fetch: "Fetch" = _fetch
    """The quick way to the manager, for completion."""
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    hidden: Callable[[str], str] = getpass.getpass
    """Asks for a word that is not shown."""
    asks: bool = field(default_factory=lambda: sys.stdin.isatty())
    """Whether somebody is there to answer a question."""
    shows: bool = field(default_factory=lambda: sys.stdout.isatty())
    """Whether stdout is a terminal."""
    reports: bool = field(default_factory=lambda: sys.stderr.isatty())
    """Whether stderr is a terminal: progress goes there."""
    size: tuple[int, int] | None = None
    """Columns and lines of the terminal; None: look."""

    @property
    def width(self) -> int:
        """Columns that a table may use."""
        if not self.shows:
            return PIPED_WIDTH
        return self.size[0] if self.size else shutil.get_terminal_size().columns

    @property
    def height(self) -> int:
        """Lines of the terminal."""
        return self.size[1] if self.size else shutil.get_terminal_size().lines

    @property
    def colours(self) -> bool:
        """Whether to colour stdout: a terminal that can, and nobody said NO_COLOR."""
        return self.shows and self._may_colour

    @property
    def note_colours(self) -> bool:
        """Whether to colour stderr."""
        return self.reports and self._may_colour

    @property
    def _may_colour(self) -> bool:
        return not self.environment.get("NO_COLOR") and self.environment.get("TERM") != "dumb"
