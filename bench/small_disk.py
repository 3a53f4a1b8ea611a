"""A small disk of its own for whoever is to run out of room: a tmpfs, and a file that fills it."""

import contextlib
import errno
import subprocess
from collections.abc import Iterator
from pathlib import Path

from bench.errors import BenchError

BLOCK_BYTES = 4_096
FILLER = "filler"


@contextlib.contextmanager
def mounted(directory: Path, size: int) -> Iterator[None]:
    """Have a disk of `size` bytes at `directory`, which is made; raises `BenchError`."""
    directory.mkdir(parents=True)
    _run("mount", "-t", "tmpfs", "-o", f"size={size}", "muster-bench", str(directory))
    try:
        yield
    finally:
        _run("umount", "--lazy", str(directory))


def fill(directory: Path) -> None:
    """Take all the room that is left on the disk of `directory`."""
    with (directory / FILLER).open("ab", buffering=0) as out:
        try:
            while True:
                out.write(bytes(BLOCK_BYTES))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise


def free(directory: Path) -> None:
    """Give it back."""
    (directory / FILLER).unlink(missing_ok=True)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"{' '.join(command)}: {done.stderr.strip()}; run the bench as root")
