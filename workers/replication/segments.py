"""Files that journals are written to: mapped, so that a write costs no system call.

What is written belongs to the kernel at once: a process that is killed loses nothing. A machine
that loses power may lose the last second. Invariant: room is taken on the disk before anybody
writes, so that a full disk is an answer and never a signal.
"""

import contextlib
import mmap
import os
from collections.abc import Sequence
from pathlib import Path

from workers.files import durable

SEGMENT_BYTES = 16 << 20
PREFIX, DIGITS = "journal.", 12


class Segments:
    """Makes the files of a generation: one for each of `names`, zeroed. `directory` is there."""

    def __init__(self, directory: Path, names: Sequence[str], size: int = SEGMENT_BYTES) -> None:
        self._directory, self._names, self._size = directory, names, size
        self.problem = ""
        """Why the last ones could not be made."""

    def make(self, generation: int) -> list[mmap.mmap] | None:
        """The files in order of their names; None when there is no room, and then none is there."""
        made: list[mmap.mmap] = []
        path = self._directory
        try:
            for name in self._names:
                path = path_of(self._directory, name, generation)
                made.append(self._mapped(path))
            durable.settle(self._directory)
        except (OSError, ValueError) as error:
            for one in made:
                one.close()
            self.remove(generation)
            why = getattr(error, "strerror", None) or str(error)
            self.problem = f"{path}: cannot be written: {why}; make room"
            return None
        self.problem = ""
        return made

    def remove(self, generation: int) -> None:
        """Remove the files of a generation, as far as they are there."""
        for name in self._names:
            with contextlib.suppress(OSError):
                path_of(self._directory, name, generation).unlink(missing_ok=True)

    def _mapped(self, path: Path) -> mmap.mmap:
        path.unlink(missing_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(handle, 0, self._size)
            return mmap.mmap(handle, self._size)
        finally:
            os.close(handle)


def path_of(directory: Path, name: str, generation: int) -> Path:
    """The file of a name in a generation."""
    return directory / f"{PREFIX}{name}.{generation:0{DIGITS}d}"


def generations(directory: Path, name: str) -> list[int]:
    """Of a name's files that are there, in order."""
    start = f"{PREFIX}{name}."
    found = (path.name.removeprefix(start) for path in directory.glob(f"{start}*"))
    return sorted(int(number) for number in found if number.isdigit() and len(number) == DIGITS)
