"""Who may write: one process or thread at a time, which also clears away what dead ones left.

The kernel lets go of the lock when its holder dies, so whatever of git's own locks or half-received
packs is found by the holder belongs to nobody alive. Nothing else writes here.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from workers.files.locks import TakenError, take
from workers.repository.errors import BusyError

LOCK = "muster.lock"
INCOMING = "incoming-"
"""Prefix of the directories a pack is received into before it is checked."""
WAIT_SECONDS = 30.0
_STALE = ("refs/heads/main.lock", "HEAD.lock", "packed-refs.lock")


@contextlib.contextmanager
def locked(file: Path, seconds: float) -> Iterator[int]:
    """Hold the lock of a file; its descriptor. Who inherits that holds the lock too.

    Raises `BusyError` when it is not free after `seconds`, `OSError` when there can be no file.
    """
    try:
        handle = take(file, seconds, 0o640)
    except TakenError:
        sentence = f"{file.parent}: another process is writing; try again"
        raise BusyError(sentence) from None
    try:
        yield handle
    finally:
        os.close(handle)


class WriteLock:
    """The right to move the branch of one repository."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @contextlib.contextmanager
    def held(self, seconds: float = WAIT_SECONDS) -> Iterator[None]:
        """Hold it; raises what `locked` does."""
        with locked(self._directory / LOCK, seconds):
            self._clear()
            yield

    def clear(self) -> None:
        """Clear away what the dead left, unless somebody is writing or this process may not."""
        with contextlib.suppress(BusyError, OSError), self.held(0.0):
            pass

    def _clear(self) -> None:
        for name in _STALE:
            self._directory.joinpath(name).unlink(missing_ok=True)
        for leftover in self._directory.glob(f"{INCOMING}*"):
            shutil.rmtree(leftover, ignore_errors=True)
        for leftover in self._directory.glob("refs/muster/*/*.lock"):
            leftover.unlink(missing_ok=True)
