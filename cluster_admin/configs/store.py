"""The manager's configuration repository: one open for each process, made when there is none.

A `Repository` serves many threads, and its directory many processes; a process that was forked
opens its own.
"""

import os
import threading
from pathlib import Path

from django.conf import settings

from workers.repository.errors import NotARepositoryError
from workers.repository.repository import Repository

_lock = threading.Lock()
_open: dict[tuple[int, Path], Repository] = {}


def repository() -> Repository:
    """The repository at `MUSTER_REPOSITORY_DIRECTORY`; raises `RepositoryError`."""
    key = (os.getpid(), Path(settings.MUSTER_REPOSITORY_DIRECTORY))
    with _lock:
        if key not in _open:
            _open.clear()
            _open[key] = _opened(key[1])
        return _open[key]


def forget() -> None:
    """Open it anew at the next need, as when another was put in its place."""
    with _lock:
        _open.clear()


def _opened(directory: Path) -> Repository:
    try:
        return Repository.open(directory)
    except NotARepositoryError:
        return Repository.create(directory)
