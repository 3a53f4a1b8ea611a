"""Runs one command of the node's settings to its end: no shell, little environment, a time limit.

Invariants: it returns within the limit and a moment, whatever the command does; a command that is
late or fails is killed with its whole process group; of its output a bounded part is kept, the
beginning and the end. The calling thread waits: this is for a worker, never for the failover loop.
"""

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from workers.config.core.reports import OUTPUT_BYTES, Result, shortened

READ_BYTES = 65_536
MORE_PIECES = 64
DYING_SECONDS = 5.0
"""How long a killed process may take; one that hangs in the kernel is not waited for."""
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/",
}


def run(
    words: Sequence[str],
    limit_seconds: float,
    leave_children: bool = False,
    keep_bytes: int = OUTPUT_BYTES,
) -> Result:
    """Run a command; what came of it. `words[0]` is the whole path of a program.

    `leave_children`: what a good command started in the background may go on, as a reload does.
    """
    if not words or not words[0].startswith("/"):
        shown = words[0] if words else ""
        return Result(False, f"{shown!r} is no whole path of a program; write it from / on")
    if not Path(words[0]).is_file():
        return Result(False, f"{words[0]} is not there; correct the node's settings")
    try:
        process = _started(words)
    except (OSError, ValueError) as error:
        return Result(False, f"{words[0]} cannot be run: {error}")
    output = _Output(process, keep_bytes)
    code: int | None = None
    try:
        code = _followed(process.pid, output, time.monotonic() + limit_seconds)
    finally:
        # Reaped only afterwards: until then its number, and its group's, can be nobody else's.
        if not (leave_children and code == 0):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(DYING_SECONDS)
        text = output.ended()
    if code == 0:
        return Result(True, "", text)
    if code is None:
        what = f"took longer than {limit_seconds:g} s and was killed"
    else:
        what = f"exit code {code}" if code > 0 else f"killed by signal {-code}"
    return Result(False, _sentence(what, text), text)


def _started(words: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 -- no shell; words are the node's own settings
        list(words),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        bufsize=0,
        env=ENVIRONMENT,
        cwd="/",
        start_new_session=True,
    )


class _Output:
    """What a command writes, of which a bounded part is kept."""

    def __init__(self, process: "subprocess.Popen[bytes]", keep_bytes: int) -> None:
        assert process.stdout is not None  # noqa: S101 -- a pipe was asked for
        self._pipe = process.stdout
        self.handle = self._pipe.fileno()
        os.set_blocking(self.handle, False)
        self._keep = keep_bytes
        self._head, self._tail, self._size = b"", b"", 0

    def read(self) -> bool:
        """Take a piece; whether there was one."""
        try:
            piece = os.read(self.handle, READ_BYTES)
        except BlockingIOError:
            return False
        half = self._keep // 2
        room = max(0, half - len(self._head))
        self._head += piece[:room]
        self._tail = (self._tail + piece[room:])[-half:]
        self._size += len(piece)
        return bool(piece)

    def ended(self) -> str:
        """All that was written, as text for people, once the command is gone."""
        # What it left running may write for ever.
        for _ in range(MORE_PIECES):
            if not self.read():
                break
        self._pipe.close()
        left_out = self._size - len(self._head) - len(self._tail)
        between = f"\n[{left_out} bytes are left out here]\n".encode() if left_out else b""
        text = (self._head + between + self._tail).decode("utf-8", "replace")
        shown = "".join(one if one.isprintable() or one == "\n" else " " for one in text)
        return shortened(shown, self._keep)


def _followed(pid: int, output: _Output, deadline: float) -> int | None:
    """Read until the process ends; its exit code (negative: a signal), None when it is late."""
    watch = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(watch, select.POLLIN)
        poll.register(output.handle, select.POLLIN)
        while (left := deadline - time.monotonic()) > 0:
            ready = {handle for handle, _ in poll.poll(left * 1000)}
            if output.handle in ready and not output.read() and watch not in ready:
                poll.unregister(output.handle)
            if watch in ready:
                return _exit_code(pid)
        return None
    finally:
        os.close(watch)


def _exit_code(pid: int) -> int | None:
    ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)
    if ended is None:
        return None
    return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status


def _sentence(what: str, text: str) -> str:
    """What was wrong, with the last line that was written."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f"{what}: {lines[-1]}" if lines else what
