"""Lines to stderr that never hold the process up: what cannot be written now is dropped, counted.

The other end of stderr may be a supervisor that stands still; a full pipe must not stop failover.
"""

import contextlib
import os
import select
import socket
import stat
from collections.abc import Iterable

PIPE_BYTES = 4096
"""As much as a pipe that is ready for writing takes at once (PIPE_BUF)."""


class Output:
    """A file descriptor to which whole lines are written, or not."""

    def __init__(self, descriptor: int = 2) -> None:
        self.dropped = 0
        """Lines that did not go out."""
        self._descriptor = descriptor
        self._ready = select.poll()
        self._ready.register(descriptor, select.POLLOUT)
        self._socket: socket.socket | None = None
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                self._socket = socket.socket(fileno=os.dup(descriptor))

    def write(self, lines: Iterable[bytes]) -> None:
        """Write lines, each with its newline."""
        chunk, count = b"", 0
        for line in lines:
            if count and len(chunk) + len(line) > PIPE_BYTES:
                self._write(chunk, count)
                chunk, count = b"", 0
            chunk, count = chunk + line, count + 1
        if count:
            self._write(chunk, count)

    def _write(self, chunk: bytes, count: int) -> None:
        if len(chunk) > PIPE_BYTES:
            chunk = chunk[: PIPE_BYTES - 1] + b"\n"
        try:
            if self._socket is not None:
                self._socket.send(chunk, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
            elif any(state & select.POLLOUT for _, state in self._ready.poll(0)):
                os.write(self._descriptor, chunk)
            else:
                self.dropped += count
        except OSError:
            self.dropped += count
