"""One at a time: a lock that the kernel gives back when its holder dies, however it dies."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from workers.config.core.applying import Refusal
from workers.config.errors import ConfigError

RETRY_SECONDS = 0.02


class Busy(ConfigError):
    """Another process or thread has the lock."""

    def __init__(self) -> None:
        super().__init__(Refusal.BUSY.value)


@contextlib.contextmanager
def locked(path: Path, seconds: float) -> Iterator[None]:
    """Hold the lock; raises `Busy` when another has it for longer than `seconds`."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + seconds
    try:
        while not _taken(handle):
            if time.monotonic() >= deadline:
                raise Busy
            time.sleep(RETRY_SECONDS)
        yield
    finally:
        os.close(handle)


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
