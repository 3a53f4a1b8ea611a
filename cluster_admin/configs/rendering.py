"""Renders nodes' trees in the manager's process: some renderers that live on, used in turn.

Each is a child process (`workers.config.rendering`); starting one takes a third of a second.
Whoever finds all at work waits.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from workers.config.rendering import Renderer

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
