"""The index is made in a process of its own, so that collecting never waits for it.

    python -m workers.logs.indexing DIRECTORY

The collector says up to where each file is kept, a line of JSON each (path, bytes), and the process
indexes up to there. Invariant: neither waits for the other; whatever is not told, for a
death or a full pipe, is told or found with the file's next bytes. It ends when the collector does.
"""

import contextlib
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from workers.logs.index import Index

TELL_SECONDS = 1.0
START_SECONDS = 5.0
"""Between two starts: what dies at once is not started all the time."""
NICE = 10
"""Lines are kept first, and found fast a little later."""
FILES_MAX = 10_000
"""Files with something to tell; of more, some are indexed with their next bytes."""
log = logging.getLogger("muster.logs")


class Indexing:
    """The collector's side; for one thread. Times are seconds of a clock that never jumps."""

    def __init__(self, directory: Path) -> None:
        self._command = [sys.executable, "-m", "workers.logs.indexing", str(directory)]
        self._process: subprocess.Popen[bytes] | None = None
        self._ends: dict[str, int] = {}
        """Path -> bytes of it that are kept, of those with something to tell."""
        self._rest = b""
        self._tell_after = self._start_after = 0.0
        self._failed = False

    @property
    def pid(self) -> int | None:
        """Of the process, while there is one."""
        return self._process.pid if self._process is not None else None

    def kept(self, path: str, start: int, data: bytes) -> None:
        """The file has these bytes from `start` on, and they are on the disk."""
        self._ends[path] = start + len(data)
        if len(self._ends) > FILES_MAX:
            del self._ends[next(iter(self._ends))]

    def tell(self, now: float) -> None:
        """Say what is new, now and then; starts the process again when it has died."""
        if not (self._ends or self._rest) or now < self._tell_after:
            return
        self._tell_after = now + TELL_SECONDS
        if self._process is None or self._process.poll() is not None:
            if now < self._start_after:
                return
            self._start_after = now + START_SECONDS
            self._start()
        self._write()

    def close(self) -> None:
        """End the process: what it has not indexed yet is read as it is until it has been."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._forget()

    def _start(self) -> None:
        if self._process is not None:
            log.warning("the indexing ended with %s; it is started again", self._process.returncode)
        self._forget()
        try:
            self._process = subprocess.Popen(  # noqa: S603 -- our own program, no shell
                self._command, stdin=subprocess.PIPE, bufsize=0
            )
            if self._process.stdin is not None:
                os.set_blocking(self._process.stdin.fileno(), False)
            self._failed = False
        except OSError as error:
            if not self._failed:
                log.warning("what is collected is not indexed: %s; see memory and processes", error)
            self._failed = True

    def _write(self) -> None:
        """Write as much as the pipe takes; the rest of it, and all else, the next time."""
        if self._process is None or self._process.stdin is None:
            return
        if not self._rest:
            self._rest = _lines(self._ends.items())
            self._ends.clear()
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            while self._rest:
                self._rest = self._rest[os.write(self._process.stdin.fileno(), self._rest) :]

    def _forget(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
        self._process, self._rest = None, b""


def _lines(ends: Iterable[tuple[str, int]]) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in ends)


def main() -> None:
    """Index what standard input says, until it ends."""
    logging.basicConfig(format="muster: %(message)s", level=logging.INFO, stream=sys.stderr)
    os.nice(NICE)
    index = Index(Path(sys.argv[1]))
    for line in sys.stdin.buffer:
        path, end = json.loads(line)
        index.add(path, end, b"")


if __name__ == "__main__":
    main()
