"""Whole histories taken over from elsewhere by git itself: over SSH, from a directory, a backup.

For who has no repository any more. Git runs with the caller's own keys, agent and terminal, and
says on stderr what it does; of the manager's secrets it sees nothing. What comes is checked: every
object is what its name says, and revisions are numbered by their depth.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pygit2

from workers.repository import storage, upkeep
from workers.repository.errors import DamagedError, StorageError, UnreachableError
from workers.repository.head import Head
from workers.repository.history import walk_back
from workers.repository.storage import told

FETCH_SECONDS = 3_600.0
"""How long one fetch may take; what does not answer at all is given up after a minute."""
FETCHED = "refs/muster/fetched/"
_SSH = "ssh -o ConnectTimeout=15 -o ServerAliveInterval=15 -o ServerAliveCountMax=3"
_LOCAL = "git -c safe.directory=* upload-pack"
"""Says that a directory may be somebody else's: it is read only, and checked."""
_SETTINGS = (
    *("core.hooksPath=/dev/null", "core.fsync=all", "gc.auto=0", "maintenance.auto=false"),
    *("transfer.fsckObjects=true", "fetch.unpackLimit=1", "pack.threads=1", "safe.directory=*"),
    "protocol.ext.allow=never",
)
_HELD_BACK = ("MUSTER_", "DJANGO_", "DATABASE_", "GIT_")
_HANDED_ON = ("GIT_SSH", "GIT_ASKPASS", "GIT_PROXY", "GIT_TRACE")


def fetch(directory: Path, address: str, *, keep: tuple[int, ...] = ()) -> list[str]:
    """Take the history at `address` over into the repository in `directory`; its commits from r1.

    They are there, but `main` is not moved: see `settle_on`. `keep` are descriptors that git
    inherits. Raises `UnreachableError`, `DamagedError`, `StorageError`.
    """
    with told(directory):
        git = storage.reopen(directory)
        try:
            _forget(git)
            _run(directory, address, keep)
            tip = git.references.get(f"{FETCHED}main")
            if tip is None or not isinstance(tip.target, pygit2.Oid):
                raise DamagedError(f"{address} has no revision yet; name another node")
            commits = [str(commit.id) for commit, _ in walk_back(git, tip.target, {})]
        except DamagedError as error:
            raise DamagedError(f"{address}: {error}") from error
        finally:
            git.free()
    return commits[::-1]


def settle_on(directory: Path, commit: str) -> None:
    """Make a fetched commit the newest revision, durably, and read all of it back from the disk.

    Raises `DamagedError`, `StorageError`, `BusyError`.
    """
    with told(directory):
        git = storage.reopen(directory)
        try:
            Head(directory, git).move(None, pygit2.Oid(hex=commit))
            _forget(git)
        finally:
            git.free()
    damage = upkeep.damage(directory)
    if damage:
        raise DamagedError(f"{damage}; name another node")


def _forget(git: pygit2.Repository) -> None:
    for name in [name for name in git.references if name.startswith(FETCHED)]:
        git.references.delete(name)


def _run(directory: Path, address: str, keep: tuple[int, ...]) -> None:
    words = [one for setting in _SETTINGS for one in ("-c", setting)]
    fetching = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules"]
    fetching += ["--progress"] if sys.stderr.isatty() else []
    if address.startswith("/"):
        fetching += ["--upload-pack", _LOCAL]
    command = ["git", *words, *fetching, "--", address, f"+refs/heads/*:{FETCHED}*"]
    try:
        # No group of its own: it may ask at the terminal, and hears Ctrl-C.
        child = subprocess.Popen(  # noqa: S603 -- no shell; after `--` git takes it as an address
            command,
            stdout=sys.stderr.fileno(),
            env=environment(os.environ, directory),
            cwd=directory,
            pass_fds=keep,
        )
    except OSError as error:
        raise StorageError(f"git cannot be run: {error.strerror}; install git") from error
    try:
        ended = child.wait(FETCH_SECONDS)
    except subprocess.TimeoutExpired:
        way = "see what is slow, and run it again"
        sentence = f"{address} cannot be fetched within {FETCH_SECONDS:.0f} s; {way}"
        raise UnreachableError(sentence) from None
    finally:
        _end(child)
    if ended:
        way = "mend that, or name another node"
        raise UnreachableError(f"{address} cannot be fetched, git says above why; {way}")


def environment(around: Mapping[str, str], directory: Path) -> dict[str, str]:
    """What git finds: the caller's own, without the manager's secrets and other repositories."""
    kept = {
        name: value
        for name, value in around.items()
        if name.startswith(_HANDED_ON) or not name.startswith(_HELD_BACK)
    }
    ssh = {} if "GIT_SSH" in kept else {"GIT_SSH_COMMAND": _SSH}
    return {**ssh, **kept, "GIT_DIR": str(directory), "LC_ALL": "C.UTF-8"}


def _end(child: subprocess.Popen[bytes]) -> None:
    """End it, if it has not ended: it then ends what it started."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(5.0)
        except subprocess.TimeoutExpired:
            child.kill()
    child.wait()
