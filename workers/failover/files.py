"""Files that survive a power loss whole, and locks that end with the process that has them."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from workers.failover.errors import FailoverError

LOCK_SECONDS = 5.0
RETRY_SECONDS = 0.005


class FileError(FailoverError):
    """A file cannot be written."""


def replace(path: Path, text: str) -> None:
    """Replace a file whole and durably; raises `FileError`."""
    temporary = path.with_name(path.name + ".new")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        way = "make room or correct its permissions"
        raise FileError(f"{path}: cannot be written: {error.strerror}; {way}") from error


def lock(path: Path) -> int:
    """An open file that this process alone has locked; raises `BlockingIOError` or `OSError`."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise
    return handle


@contextlib.contextmanager
def locked(path: Path, seconds: float = LOCK_SECONDS) -> Iterator[None]:
    """Hold a lock for a moment; `FileError` when another process does not let go of it."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            handle = lock(path)
            break
        except BlockingIOError:
            if time.monotonic() > deadline:
                way = "a process that has it stands still, end it"
                raise FileError(f"{path}: is locked for more than {seconds:g} s; {way}") from None
            time.sleep(RETRY_SECONDS)
        except OSError as error:
            way = "make room or correct its permissions"
            raise FileError(f"{path}: cannot be locked: {error.strerror}; {way}") from error
    try:
        yield
    finally:
        os.close(handle)
