"""The one thing in a repository that changes: which commit the branch `main` is at.

Everything else is only ever added. `move` is the commit point: before it a new revision is not
there, after it it is, durably; a death at any instant leaves the one or the other.
"""

from pathlib import Path

import pygit2

from workers.files.durable import settle
from workers.repository.errors import DamagedError
from workers.repository.storage import MAIN


class Head:
    """Where the branch is."""

    def __init__(self, directory: Path, git: pygit2.Repository) -> None:
        self._directory = directory
        self._git = git

    def read(self) -> pygit2.Oid | None:
        """The newest commit; None in an empty repository."""
        reference = self._git.references.get(MAIN)
        if reference is None:
            return None
        if not isinstance(reference.target, pygit2.Oid):
            way = "point it at the newest commit with git update-ref --no-deref"
            raise DamagedError(f"{self._directory}: {MAIN} is no branch of its own; {way}")
        return reference.target

    def move(self, old: pygit2.Oid | None, new: pygit2.Oid) -> bool:
        """Move it from `old` to `new`, whose objects are on the disk; False if it is elsewhere.

        The caller holds the write lock; libgit2 compares once more under git's own lock, and syncs
        the branch and its directory.
        """
        # The directories of new objects first, or a power loss could keep the branch without them.
        settle(self._directory / "objects")
        settle(self._directory / "objects" / "pack")
        if self.read() != old:
            return False
        if old is None:
            self._git.create_reference_direct(MAIN, new, False)
        else:
            self._git.references[MAIN].set_target(new)
        return True
