"""The file of events, written by a thread of its own: a disk that stands still holds nobody up.

Lines keep their order. What cannot be written, and what comes while too much waits, is dropped and
counted; a line that was cut by a full disk is ended before the next begins.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import BinaryIO

from workers.failover import chronicle

FILE_BYTES = 4 * 1024 * 1024
"""Beyond this the file is put aside as events.old.jsonl, and the one before that is gone."""
WAITING_BYTES = 8 * 1024 * 1024
"""Beyond this no more lines wait for the disk."""
CLOSE_SECONDS = 0.3
"""The end of the process waits so long for the disk; a restart has its lease to catch."""


class EventFile:
    """Appends whole lines; `lost(count)` is called, on either thread, for those it drops."""

    def __init__(self, directory: Path, lost: Callable[[int], None]) -> None:
        self.problem = ""
        """Why the lines before were not written; empty when they were."""
        self._path = directory / chronicle.NAME
        self._lost = lost
        self._queue: SimpleQueue[bytes | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._waiting_bytes = 0
        self._thread: threading.Thread | None = None
        self._file: BinaryIO | None = None
        self._torn = False
        """The file ends within a line."""

    def append(self, lines: bytes) -> None:
        """Have lines written, each with its newline."""
        with self._lock:
            fits = self._waiting_bytes + len(lines) <= WAITING_BYTES
            self._waiting_bytes += len(lines) if fits else 0
        if not fits:
            self._drop(lines, f"more than {WAITING_BYTES} bytes wait for the disk")
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="events", daemon=True)
            self._thread.start()
        self._queue.put(lines)

    def close(self) -> None:
        """Write what waits, if the disk takes it soon."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        while (lines := self._queue.get()) is not None:
            self._write(lines)
            with self._lock:
                self._waiting_bytes -= len(lines)
        if self._file is not None:
            self._file.close()

    def _write(self, lines: bytes) -> None:
        rest = lines
        try:
            if self._file is None:
                self._file = self._path.open("ab", buffering=0)
            if self._torn:
                self._file.write(b"\n")
                self._torn = False
            while rest:
                rest = rest[self._file.write(rest) :]
            self.problem = ""
            if self._file.tell() > FILE_BYTES:
                self._file.close()
                self._file = None
                self._path.replace(self._path.with_name(chronicle.OLD_NAME))
        except OSError as error:
            way = "make room or correct its permissions"
            written = lines.removesuffix(rest) if rest else lines
            self._torn = self._torn or (bool(written) and not written.endswith(b"\n"))
            self._drop(rest, f"cannot be written: {error.strerror}; {way}")

    def _drop(self, lines: bytes, why: str) -> None:
        self.problem = f"{self._path}: {why}"
        self._lost(lines.count(b"\n"))
