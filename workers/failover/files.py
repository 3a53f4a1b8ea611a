"""Files that survive a power loss whole, written by several processes without harm.

What is new is written beside the file and then takes its place. Writers who must not overtake one
another look and replace under a lock, held for microseconds: one that stands still meanwhile costs
the others `LOCK_SECONDS`, never their work.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from workers.failover.errors import FailoverError

LOCK_SECONDS = 1.0
RETRY_SECONDS = 0.005


class FileError(FailoverError):
    """A file cannot be written."""


def replace(path: Path, text: str) -> None:
    """Replace a file whole and durably; raises `FileError`."""
    with _told(path):
        temporary = _beside(path, text)
        temporary.replace(path)
        _settle(path.parent)


def replace_if(path: Path, text: str, lock: Path, wanted: Callable[[], bool]) -> bool:
    """The same if `wanted` says so under the lock; whether it did."""
    with _told(path):
        temporary = _beside(path, text)
        try:
            with locked(lock):
                if not wanted():
                    return False
                temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        _settle(path.parent)
    return True


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
    """Hold a lock for a moment; after `seconds` go on without: who has it stands still."""
    handle: int | None = None
    deadline = time.monotonic() + seconds
    while handle is None and time.monotonic() < deadline:
        try:
            handle = lock(path)
        except BlockingIOError:
            time.sleep(RETRY_SECONDS)
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


def _beside(path: Path, text: str) -> Path:
    """A new file with the text, durable; what dead processes left there is cleared away."""
    with contextlib.suppress(OSError):  # clearing away is no reason not to write
        for leftover in path.parent.glob(f"{path.name}.*.new"):
            process = leftover.name.split(".")[-2]
            if process.isdigit() and not Path("/proc", process).exists():
                leftover.unlink(missing_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return temporary


def _settle(directory: Path) -> None:
    """Make a replacement durable."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    """Say of an `OSError` which file it is about."""
    try:
        yield
    except OSError as error:
        way = "make room or correct its permissions"
        raise FileError(f"{path}: cannot be written: {error.strerror}; {way}") from error
