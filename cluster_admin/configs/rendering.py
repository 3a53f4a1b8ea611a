"""Renders nodes' trees in the manager's process: some renderers that live on, used in turn.

Each is a child process (`workers.config.rendering`); starting one takes a third of a second.
Whoever finds all at work waits.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from workers.config.core.overlay import TEMPLATE
from workers.config.core.render import Read
from workers.config.rendering import Renderer
from workers.repository.trees import File, Listing

RENDERERS = 2
_free = threading.BoundedSemaphore(RENDERERS)
_idle: list[tuple[int, Renderer]] = []
"""With the process that they belong to: they do not outlive a fork."""


@contextmanager
def renderer() -> Iterator[Renderer]:
    """One that nobody else uses meanwhile."""
    with _free:
        while True:
            try:
                pid, found = _idle.pop()
            except IndexError:
                found = Renderer()
                break
            if pid == os.getpid():
                break
        try:
            yield found
        except BaseException:
            found.close()
            raise
        _idle.append((os.getpid(), found))


def reading_templates(listing: Listing, read: Read, instead: Callable[[File], bytes]) -> Read:
    """Reads templates alone: for a plain file, which may be large, stands what `instead` gives."""
    templates = {one.blob for path, one in listing.items() if path.endswith(TEMPLATE)}
    files = {one.blob: one for one in listing.values()}
    return lambda blob: read(blob) if blob in templates else instead(files[blob])
