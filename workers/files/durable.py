"""Files, links and directories that survive a power loss whole.

A thing is complete beside its place before it takes that place, in one rename; a name counts only
once its directory is on the disk. Errors are plain `OSError`: the callers know what they were at.
"""

import contextlib
import os
from pathlib import Path


def write(path: Path, content: bytes, mode: int) -> None:
    """Write a new file and bring its content to the disk; its name is the caller's to settle."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    handle = os.open(path, flags, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fchmod(handle, mode)
        os.fsync(handle)


def replace(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Replace a small file whole: a reader finds the old or the new one."""
    beside = path.with_name(f"{path.name}.new")
    beside.unlink(missing_ok=True)
    try:
        write(beside, content, mode)
        beside.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise
    settle(path.parent)


def link(path: Path, target: str) -> None:
    """Make a symbolic link beside its later place, whatever an earlier death left there."""
    path.unlink(missing_ok=True)
    path.symlink_to(target)
    settle(path.parent)


def rename(source: Path, target: Path) -> None:
    """Let something take its place, durably."""
    source.replace(target)
    settle(target.parent)


def settle_file(path: Path) -> None:
    """Bring the content of a file that another wrote to the disk."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def settle(directory: Path) -> None:
    """Bring the names in a directory to the disk."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def settle_all(directory: Path) -> None:
    """The same for a directory and all below it, the deepest first."""
    for place, _, _ in os.walk(directory, topdown=False):
        settle(Path(place))


def make_directory(path: Path) -> None:
    """A directory that everybody may read, whatever the process's mask; it may be there already."""
    path.mkdir(exist_ok=True)
    path.chmod(0o755)
