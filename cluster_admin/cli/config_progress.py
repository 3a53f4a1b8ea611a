"""A progress bar on stderr for what takes a while; nothing without a terminal, or for a little."""

import contextlib
from collections.abc import Callable, Iterator

from cluster_admin.cli.surroundings import Surroundings

WORTH_BYTES = 1 << 20
Advance = Callable[[int], None]
"""Takes the bytes done since the last call."""


@contextlib.contextmanager
def progress(around: Surroundings, what: str, total_bytes: int) -> Iterator[Advance]:
    """A bar for the time of the block."""
    if not around.reports or total_bytes < WORTH_BYTES:
        yield lambda _: None
        return
    from rich.console import Console  # only on a terminal: starting is to be fast
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    console = Console(stderr=True, force_terminal=True, no_color=not around.note_colours)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=total_bytes)
        yield lambda done: bar.advance(task, done)
