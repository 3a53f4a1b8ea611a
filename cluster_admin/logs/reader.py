"""The process that reads collected logs for a web process: asked, listened to, ended.

One process answers one question (`workers.logs.reader`). Invariant: whatever becomes of the asker,
the process and what it started are gone with it, or soon after. How many there are is bounded.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import Self

import msgspec
from django.conf import settings

from workers.logs.core.questions import (
    Answer,
    Bars,
    Done,
    Found,
    Histogram,
    Refused,
    Search,
    Tail,
    Trace,
)

COMMAND = (sys.executable, "-m", "workers.logs.reader")
AT_ONCE, STREAMS_MAX = 4, 20
"""Questions, and tails that go on, in one web process."""
WAIT_SECONDS = 5.0
"""For one's turn."""
GRACE_SECONDS = 20.0
"""Beyond the time that a question may take."""
SILENT_SECONDS = 15.0
"""A tail says something every 2 s; one that is silent for so long does not look any more."""
PART_BYTES = 1 << 16
NOTHING = (
    "no log of that time and those names is here; check them, and that a collector on this"
    " manager takes the logs (MUSTER_LOGS_DESTINATION says where it puts them)"
)
_places = BoundedSemaphore(AT_ONCE)
_decoder = msgspec.json.Decoder(Answer)


class ReadingError(Exception):
    """No answer; the sentence says why, and what to do."""


class BusyError(ReadingError):
    """As many are reading as may; try again."""


@dataclass(frozen=True, slots=True)
class Told:
    """What was answered."""

    lines: tuple[Found, ...]
    counts: tuple[int, ...]
    done: Done


def ask(question: Search | Histogram | Trace) -> Told:
    """Wait for the whole answer; raises `ReadingError`."""
    if not _places.acquire(timeout=WAIT_SECONDS):
        raise BusyError(f"{AT_ONCE} others are searching logs now; try again in some seconds")
    try:
        answers = [_decoder.decode(line) for line in _output(question).splitlines()]
    finally:
        _places.release()
    last = answers[-1] if answers else None
    if isinstance(last, Refused):
        raise ReadingError(last.sentence)
    if not isinstance(last, Done):
        raise ReadingError("reading the logs failed; the manager's journal says why")
    if not last.files:
        last = Done(0, note=NOTHING)
    lines = tuple(one for one in answers if isinstance(one, Found))
    counts = next((one.counts for one in answers if isinstance(one, Bars)), ())
    return Told(lines, counts, last)


class Following:
    """A tail that goes on: use it in an `async with`, whose end ends the process."""

    def __init__(self, question: Tail) -> None:
        self._question = question
        self._process: asyncio.subprocess.Process | None = None
        self._rest = b""

    async def __aenter__(self) -> Self:
        """Begin; raises `BusyError`."""
        if len(_tails) >= STREAMS_MAX:
            raise BusyError(f"{STREAMS_MAX} others follow logs now; try again later")
        _tails.add(self)
        try:
            pipe = asyncio.subprocess.PIPE
            self._process = process = await asyncio.create_subprocess_exec(
                *COMMAND,
                stdin=pipe,
                stdout=pipe,
                cwd=settings.BASE_DIR,
                env=_environment(),
                start_new_session=True,
            )
        except BaseException:
            _tails.discard(self)
            raise
        if process.stdin is not None:
            process.stdin.write(msgspec.json.encode(self._question))
            process.stdin.close()
        return self

    async def __aexit__(self, *_: object) -> None:
        _tails.discard(self)
        if self._process is not None:
            _kill(self._process.pid)
            await self._process.wait()

    async def next(self) -> list[Answer] | None:
        """Some answers, perhaps none yet; None: there will be no more. Raises `ReadingError`."""
        if self._process is None or self._process.stdout is None:
            return None
        try:
            told = self._process.stdout.read(PART_BYTES)
            data = await asyncio.wait_for(told, SILENT_SECONDS)
        except TimeoutError:
            way = "write a simpler expression"
            raise ReadingError(f"nothing came for {SILENT_SECONDS:g} seconds; {way}") from None
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [_decoder.decode(line) for line in lines] if data else None


_tails: set[Following] = set()


def _output(question: Search | Histogram | Trace) -> bytes:
    """All that the process says about a question that has an end."""
    process = subprocess.Popen(  # noqa: S603 - our own program, without arguments
        COMMAND,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=settings.BASE_DIR,
        env=_environment(),
        start_new_session=True,
    )
    try:
        return process.communicate(msgspec.json.encode(question), question.seconds + GRACE_SECONDS)[
            0
        ]
    except subprocess.TimeoutExpired:
        raise ReadingError(
            f"the logs were not read within {question.seconds:g} seconds; narrow the time"
        ) from None
    finally:
        _kill(process.pid)
        process.communicate()


def _environment() -> dict[str, str]:
    """Without the manager's secrets; and without its zone, since logs are in that of the host."""
    return {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}


def _kill(group: int) -> None:
    """End the process, and those in which expressions run."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
