"""Runs the commands that definitions name: no shell, little environment, a limit of time.

The loop never waits for one: it is told when the process ends (pidfd) or writes. Invariants: each
run has one outcome, at its end or at its limit; then its whole process group is killed; a run is
over only when its process is gone. Only programs in a directory of the operator's are run, and none
that others than root could change.
"""

import asyncio
import contextlib
import errno
import os
import signal
import stat
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SENTENCE_CHARACTERS = 200
READ_BYTES = 65_536
TAIL_BYTES = 2_048
BREATH_SECONDS = 0.01
"""A command that writes a lot is read only so often: it must not keep the loop busy."""
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run. `sentence`: its last line if it was good, else what was wrong."""

    good: bool
    sentence: str = ""


async def run(
    directory: Path,
    words: Sequence[str],
    environment: Mapping[str, str],
    limit_seconds: float,
    tell: Callable[[Outcome], None],
) -> None:
    """Run a command in `directory`; `tell` its outcome once, and return when its process is gone.

    When the task is cancelled the command is killed, and nothing is told.
    """
    words = (os.path.normpath(words[0]), *words[1:])
    sentence = _objection(directory, Path(words[0]))
    if sentence:
        tell(Outcome(False, sentence))
        return
    try:
        child = _Child(words, environment)
    except OSError as error:
        tell(Outcome(False, f"{words[0]} cannot be run: {error.strerror}"))
        return
    try:
        async with asyncio.timeout(limit_seconds):
            await child.gone.wait()
        tell(child.outcome())
    except TimeoutError:
        end = "was killed" if child.kill() else "cannot be killed: it runs as another user"
        late = f"took longer than {limit_seconds:g} s and {end}"
        tell(Outcome(False, _sentence(late, child.last_line())))
    finally:
        child.kill()
    await child.gone.wait()


class _Child:
    """A running command; whatever happens to its task, the loop reaps it."""

    def __init__(self, words: Sequence[str], environment: Mapping[str, str]) -> None:
        self._loop = asyncio.get_running_loop()
        self.gone = asyncio.Event()
        self._tail = b""
        self._output, written = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            os.set_blocking(written, True)
            self._process = _started(words, environment, written)
            self._watch = _watched(self._process)
        except OSError:
            os.close(self._output)
            raise
        finally:
            os.close(written)
        self._loop.add_reader(self._watch, self._reap)
        self._loop.add_reader(self._output, self._read)

    def kill(self) -> bool:
        """End it and all it started, unless it is gone; its number cannot be another's before.

        False if all of it is another user's (a setuid program, and an agent that is not root): it
        goes on until it ends by itself.
        """
        if not self.gone.is_set():
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            except PermissionError:
                return False
        return True

    def outcome(self) -> Outcome:
        """Of one that is gone."""
        code, line = self._process.returncode, self.last_line()
        if code == 0:
            return Outcome(True, line)
        what = f"exit code {code}" if code > 0 else f"killed by {_signal_name(-code)}"
        return Outcome(False, _sentence(what, line))

    def last_line(self) -> str:
        """What it wrote last."""
        lines = [line for line in self._tail.splitlines() if line.strip()]
        text = lines[-1].decode("utf-8", "replace").strip() if lines else ""
        shown = "".join(one if one.isprintable() else " " for one in text)
        return shown[:SENTENCE_CHARACTERS]

    def _reap(self) -> None:
        self.kill()  # what it left running; its own number is kept until it is reaped
        self._loop.remove_reader(self._watch)
        self._loop.remove_reader(self._output)
        os.close(self._watch)
        self._read_once()
        os.close(self._output)
        self._process.wait()
        self.gone.set()

    def _read(self) -> None:
        size = self._read_once()
        if size == 0 or size > TAIL_BYTES:
            self._loop.remove_reader(self._output)
        if size > TAIL_BYTES:
            self._loop.call_later(BREATH_SECONDS, self._read_on)

    def _read_on(self) -> None:
        if not self.gone.is_set():
            self._loop.add_reader(self._output, self._read)

    def _read_once(self) -> int:
        """How many bytes were there; 0 at the end of its output."""
        try:
            piece = os.read(self._output, READ_BYTES)
        except BlockingIOError:
            return 1
        self._tail = (self._tail + piece)[-TAIL_BYTES:]
        return len(piece)


def _started(
    words: Sequence[str], environment: Mapping[str, str], output: int
) -> subprocess.Popen[bytes]:
    with _ordinary_children():
        return subprocess.Popen(  # noqa: S603 -- no shell; definitions are signed, programs are root's
            words,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**ENVIRONMENT, **environment},
            cwd="/",
            start_new_session=True,
        )


def _watched(process: subprocess.Popen[bytes]) -> int:
    """A descriptor that is readable when the process has ended; without one it may not run."""
    try:
        return os.pidfd_open(process.pid)
    except OSError:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise


@contextlib.contextmanager
def _ordinary_children() -> Iterator[None]:
    """Whatever is started within gets the usual priority, not that of the agent."""
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    usual = policy == os.SCHED_OTHER and os.getpriority(os.PRIO_PROCESS, 0) >= 0
    if usual:
        yield
        return
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, policy | os.SCHED_RESET_ON_FORK, parameters)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, policy, parameters)


def _objection(directory: Path, program: Path) -> str:
    """Why a program is not run; "" when it is one of the operator's, and nobody else's."""
    if directory not in program.parents:
        way = f"link it there, or set commands in node.toml to {program.parent}"
        return f"{program} is not run, this node runs what is in {directory} only; {way}"
    try:
        home, real = program.parent.resolve(strict=True), program.resolve(strict=True)
        for place in (home, *home.parents, real, *real.parents):
            about = place.stat()
            loose = about.st_mode & stat.S_IWOTH or (about.st_mode & stat.S_IWGRP and about.st_gid)
            kept = place not in (home, real) and about.st_mode & stat.S_ISVTX
            if about.st_uid not in (0, os.geteuid()) or (loose and not kept):
                way = "chown it to root and chmod go-w it"
                return f"{program} is not run: others than root can change {place}; {way}"
    except OSError as error:
        return f"{program} cannot be run: {error.strerror}"
    except RuntimeError:  # how Python 3.11 and 3.12 tell of links that lead back to themselves
        return f"{program} cannot be run: {os.strerror(errno.ELOOP)}"
    return ""


def _signal_name(number: int) -> str:
    with contextlib.suppress(ValueError):
        return signal.Signals(number).name
    return f"signal {number}"


def _sentence(what: str, line: str) -> str:
    return f"{what}: {line}"[:SENTENCE_CHARACTERS] if line else what
