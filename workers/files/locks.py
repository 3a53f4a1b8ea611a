"""Locks on files: one process or thread at a time.

The kernel lets go of a lock when its holder dies, however it dies.
"""

import contextlib
import fcntl
import os
import time
from pathlib import Path

RETRY_SECONDS = 0.005


class TakenError(Exception):
    """Another process or thread holds the lock."""


def take(path: Path, seconds: float, mode: int = 0o600) -> int:
    """The open file of a lock that is ours now: who closes it, or ends, lets go.

    Children that inherit the descriptor hold the lock too. The file is made with `mode` where it is
    missing, and stays. Raises `TakenError` when it is not free within `seconds`, else `OSError`.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, mode)
    deadline = time.monotonic() + seconds
    try:
        while not _locked(handle):
            if time.monotonic() >= deadline:
                raise TakenError
            time.sleep(RETRY_SECONDS)
    except BaseException:
        os.close(handle)
        raise
    return handle


def _locked(handle: int) -> bool:
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
