"""Who may write: one process or thread at a time, which also clears away what dead ones left.

The kernel lets go of the lock when its holder dies, so whatever of git's own locks or half-received
packs is found by the holder belongs to nobody alive. Nothing else writes here.
"""

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from workers.repository.errors import BusyError

LOCK = "muster.lock"
INCOMING = "incoming-"
"""Prefix of the directories a pack is received into before it is checked."""
WAIT_SECONDS = 30.0
RETRY_SECONDS = 0.005
_STALE = ("refs/heads/main.lock", "HEAD.lock", "packed-refs.lock")


class WriteLock:
    """The right to move the branch of one repository."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @contextlib.contextmanager
    def held(self, seconds: float = WAIT_SECONDS) -> Iterator[None]:
        """Hold it; raises `BusyError` after `seconds`, `OSError` when the file cannot be had."""
        handle = os.open(self._directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            self._wait(handle, seconds)
            self._clear()
            yield
        finally:
            os.close(handle)

    def clear(self) -> None:
        """Clear away what the dead left, unless somebody is writing or this process may not."""
        with contextlib.suppress(BusyError, OSError), self.held(0.0):
            pass

    def _wait(self, handle: int, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    sentence = f"{self._directory}: another process is writing; try again"
                    raise BusyError(sentence) from None
                time.sleep(RETRY_SECONDS)
            else:
                return

    def _clear(self) -> None:
        for name in _STALE:
            self._directory.joinpath(name).unlink(missing_ok=True)
        for leftover in self._directory.glob(f"{INCOMING}*"):
            shutil.rmtree(leftover, ignore_errors=True)
