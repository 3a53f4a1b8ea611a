"""What the parts of one repository that write to it stand on."""

from dataclasses import dataclass
from pathlib import Path

import pygit2

from workers.repository.head import Head
from workers.repository.history import History
from workers.repository.lock import WriteLock


@dataclass(eq=False)
class Ground:
    """One repository's place, objects, lock, branch and history, as its writers share them."""

    _directory: Path
    _git: pygit2.Repository
    _lock: WriteLock
    _head: Head
    _history: History
