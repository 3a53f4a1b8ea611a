"""Whether a replica is damaged on its disk, and a damaged one out of the way.

Invariants: what is only unreadable now, or is no repository, is never moved; what is moved is kept,
the last one, under a name beside; the place is empty or holds the old one, whatever dies when.
"""

import shutil
from pathlib import Path

from workers.files.durable import rename
from workers.repository import upkeep
from workers.repository.errors import DamagedError
from workers.repository.repository import Repository

TROUBLED_SECONDS = 600.0
"""What is in trouble is examined so often."""
VISIT_SECONDS = 86_400.0
"""What is well is examined so often."""
SUFFIX = ".damaged"


class Doctor:
    """Of one replica. `now` in seconds of a clock that only goes on."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._troubled_at = float("-inf")
        self._visited_at = float("-inf")
        self.found = ""
        """What a visit found; empty: nothing. May be set by another thread."""

    def visit(self, now: float) -> None:
        """Look for damage, once a day; takes a minute for 1 GiB. Raises `RepositoryError`."""
        if now - self._visited_at >= VISIT_SECONDS:
            self._visited_at = now
            self.found = self._examined()

    def diagnose(self, now: float) -> str:
        """Why it is damaged, in a sentence; empty: it is not, or was examined a moment ago.

        Raises `RepositoryError` when that cannot be told.
        """
        found, self.found = self.found, ""
        if not found and now - self._troubled_at >= TROUBLED_SECONDS:
            self._troubled_at = now
            found = self._examined()
        return found

    def put_aside(self, why: str) -> str:
        """Put it aside; what was done, in a sentence. Raises `OSError`."""
        aside = self._directory.with_name(self._directory.name + SUFFIX)
        if aside.exists():
            shutil.rmtree(aside)
        rename(self._directory, aside)
        return f"{why}; it is kept at {aside}, and fetched anew"

    def _examined(self) -> str:
        if not (self._directory / "objects").is_dir():
            return ""
        found = upkeep.damage(self._directory)
        if not found:
            try:
                whole = Repository.open(self._directory)
                whole.head()
                whole.close()
            except DamagedError as error:  # objects are whole, and are no history
                found = str(error)
        return found
