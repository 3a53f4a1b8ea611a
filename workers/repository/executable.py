"""The git executable, for what it does better than the library: packs, and housekeeping.

It sees nothing of the host's and the user's settings, runs no hooks, and asks nothing.
"""

import contextlib
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import IO

from workers.repository.errors import StorageError

PACK_SECONDS = 600.0
"""How long making or reading a pack may take; a whole repository of 1 GiB takes about a minute."""
_SETTINGS = (
    *("-c", "core.hooksPath=/dev/null", "-c", "core.fsync=all", "-c", "gc.auto=0"),
    *("-c", "pack.threads=1", "-c", "pack.windowMemory=64m", "-c", "pack.deltaCacheSize=64m"),
    *("-c", "core.packedGitLimit=256m", "-c", "protocol.allow=never"),
)
_TOLD = 300
"""Characters of what git says that go into a sentence."""


class GitFailedError(Exception):
    """The executable ended with an error; the text is the last it said."""


def run(
    directory: Path,
    *words: str,
    data: bytes | IO[bytes] = b"",
    output: IO[bytes] | None = None,
    objects: Path | None = None,
    seconds: float = PACK_SECONDS,
    keep: tuple[int, ...] = (),
) -> bytes:
    """Run git on a repository; what it wrote, unless that goes to the file `output`.

    `data` is its input; `objects` is where it writes objects, if not into the repository; `keep`
    are descriptors that it inherits. Raises `GitFailedError` for what git refuses, `StorageError`
    when it cannot be run, is killed or takes too long.
    """
    if shutil.which("git") is None:
        raise StorageError("git cannot be run: it is not found; install git")
    command = ["nice", "-n", "10", "git", *_SETTINGS, *words]
    given, file = (data, None) if isinstance(data, bytes) else (None, data)
    try:
        child = subprocess.Popen(  # noqa: S603 -- no shell; every word is ours
            command,
            stdin=subprocess.PIPE if file is None else file,
            stdout=output or subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(directory, objects),
            cwd=directory,
            process_group=0,
            pass_fds=keep,
        )
    except OSError as error:
        raise StorageError(f"git cannot be run: {error.strerror}; install git") from error
    try:
        wrote, said = child.communicate(given, seconds)
    except subprocess.TimeoutExpired:
        sentence = f"git {words[0]} took more than {seconds:.0f} s and was ended; try again later"
        raise StorageError(f"{directory}: {sentence}") from None
    finally:
        _end(child)
    if child.returncode < 0:
        sentence = f"git {words[0]} was ended by signal {-child.returncode}; try again later"
        raise StorageError(f"{directory}: {sentence}")
    if child.returncode:
        text = " ".join(said.decode("utf-8", "replace").split())[-_TOLD:]
        raise GitFailedError(text or f"it ended with {child.returncode}")
    return wrote or b""


def _environment(directory: Path, objects: Path | None) -> dict[str, str]:
    """Nothing of the user's or the host's but where programs and room for files are."""
    return {
        **{name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ},
        **{"GIT_DIR": str(directory), "LC_ALL": "C", "HOME": "/nonexistent"},
        **{"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_TERMINAL_PROMPT": "0"},
        **({} if objects is None else {"GIT_OBJECT_DIRECTORY": str(objects)}),
    }


def _end(child: subprocess.Popen[bytes]) -> None:
    """End it with everything it started, if it has not ended, and let go of its pipes."""
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    with child:
        pass
