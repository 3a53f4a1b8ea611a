"""One process that renders templates (`template_worker`), seen from outside.

Invariant: nothing here waits for longer than `answer_seconds` without a sign of life, and nothing
that the process says is believed before it is checked. Whoever uses it starts another after an
error. It gets no environment to speak of, since it needs none.
"""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from workers.config.errors import ConfigError
from workers.config.template_messages import ANSWER_BYTES, LENGTH_BYTES, Answer, Job, encode

ANSWER_SECONDS = 20.0
"""A template has 1 s of processor time; the rest is for hosts that are busy."""
CHUNK_BYTES = 1024 * 1024
OWN_LIMITS = {signal.SIGVTALRM, signal.SIGXCPU}
"""How the process ends when a template takes too long."""
COMMAND = (sys.executable, "-P", "-W", "ignore", "-m", "workers.config.template_worker")
"""Python's warnings are about what Jinja makes of templates; the errors are told anyway."""
ROOT = str(Path(__file__).parents[2])


class RenderingError(ConfigError):
    """Templates cannot be rendered at all; it says nothing about the templates."""


class ProcessEnded(ConfigError):
    """The process is gone. `limit`: it took too long, as it was told not to."""

    def __init__(self, status: int) -> None:
        self.limit = -status in OWN_LIMITS
        how = f"signal {-status}" if status < 0 else f"status {status}"
        super().__init__(f"the process that renders templates ended with {how}")


class TemplateProcess:
    """A running process. One job at a time; every answer is to be taken before the next job."""

    def __init__(
        self, command: Sequence[str] = COMMAND, answer_seconds: float = ANSWER_SECONDS
    ) -> None:
        self._answer_seconds = answer_seconds
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own program, no shell
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={"PYTHONPATH": ROOT, "LANG": "C.UTF-8"},
                cwd="/",
            )
        except OSError as error:
            way = "make room for processes, then try again"
            sentence = f"{command[0]}: cannot be started: {error.strerror}; {way}"
            raise RenderingError(sentence) from error
        assert self._process.stdin is not None  # noqa: S101 - it has pipes
        assert self._process.stdout is not None  # noqa: S101
        self._into, self._from = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._into, False)
        os.set_blocking(self._from, False)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def ask(self, job: Job) -> None:
        """Send a job; raises `ProcessEnded` or `RenderingError`."""
        rest = memoryview(encode(job))
        deadline = time.monotonic() + self._answer_seconds
        while rest:
            self._wait(self._into, select.POLLOUT, deadline)
            try:
                rest = rest[os.write(self._into, rest[:CHUNK_BYTES]) :]
            except BlockingIOError:
                continue
            except BrokenPipeError:
                raise self._ended() from None

    def answer(self) -> Answer:
        """The next answer; raises `ProcessEnded` or `RenderingError`."""
        deadline = time.monotonic() + self._answer_seconds
        length = int.from_bytes(self._take(LENGTH_BYTES, deadline), "big")
        if length > ANSWER_BYTES:
            raise self._garbage(f"an answer of {length} bytes")
        try:
            return msgspec.msgpack.decode(self._take(length, deadline), type=Answer)
        except msgspec.MsgspecError:
            raise self._garbage("something that is no answer") from None

    def end(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _take(self, size: int, deadline: float) -> bytes:
        """Exactly so many bytes."""
        pieces: list[bytes] = []
        while size:
            self._wait(self._from, select.POLLIN, deadline)
            try:
                piece = os.read(self._from, min(size, CHUNK_BYTES))
            except BlockingIOError:
                continue
            if not piece:
                raise self._ended()
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)

    def _wait(self, handle: int, event: int, deadline: float) -> None:
        poll = select.poll()
        poll.register(handle, event)
        if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            self.end()
            way = "see whether this host is overloaded, then try again"
            sentence = f"templates were not rendered within {self._answer_seconds:g} s; {way}"
            raise RenderingError(sentence)

    def _ended(self) -> ProcessEnded:
        """How it ended; one that only closed its pipes is ended."""
        try:
            self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            self.end()
        return ProcessEnded(self._process.returncode)

    def _garbage(self, what: str) -> RenderingError:
        self.end()
        way = "install this version of Muster anew if it comes again"
        return RenderingError(f"the process that renders templates gave {what}; {way}")
