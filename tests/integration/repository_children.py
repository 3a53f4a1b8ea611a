"""Processes that commit to and receive into a repository, and die where they are told to.

As a program: one of the functions below by name, then its arguments. What a child is sure of it
writes to its output, a line each.
"""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO, BinaryIO

import pygit2

from tests.unit.repository.stage import commit
from workers.repository.errors import RepositoryError
from workers.repository.head import Head
from workers.repository.replication import Receiver
from workers.repository.repository import Repository

ROOT = Path(__file__).resolve().parents[2]
COMMIT_POINTS = ("objects", "main.lock", "moved")
RECEIVE_POINTS = ("unpacked", "checked", "half moved in", "moved in", *COMMIT_POINTS)


def start(*words: object, **surroundings: str) -> subprocess.Popen[bytes]:
    """Start one; its input and output are pipes."""
    command = [sys.executable, "-m", "tests.integration.repository_children", *map(str, words)]
    environment = {**os.environ, **surroundings}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, cwd=ROOT, env=environment)


def ended(child: subprocess.Popen[bytes], data: bytes = b"") -> tuple[int, list[str]]:
    """Wait for its end; how it ended, and its lines."""
    output, _ = child.communicate(data, timeout=120)
    return child.returncode, output.decode().splitlines()


def die() -> None:
    """As a power loss or the kernel's memory killer would have it."""
    os.kill(os.getpid(), signal.SIGKILL)


class DyingHead(Head):
    """Dies before the branch is moved, while git's lock is held, or after."""

    point = ""

    def move(self, old: pygit2.Oid | None, new: pygit2.Oid) -> bool:
        """Move it, perhaps."""
        if self.point == "objects":
            die()
        if self.point == "main.lock":
            self._directory.joinpath("refs/heads/main.lock").write_text(f"{new}\n")
            die()
        moved = super().move(old, new)
        if self.point == "moved":
            die()
        return moved


class DyingReceiver(Receiver):
    """Dies after one of the steps of taking a pack in."""

    point = ""

    def _unpack(self, pack: bytes | IO[bytes], objects: Path) -> None:
        super()._unpack(pack, objects)
        self._at("unpacked")

    def _check(self, objects: Path, old: pygit2.Oid | None, new: pygit2.Oid, follows: bool) -> None:
        super()._check(objects, old, new, follows)
        self._at("checked")

    def _move_in(self, received: Path) -> None:
        if self.point == "half moved in":
            for file in received.glob("pack-*.pack"):
                file.replace(self._directory / "objects" / "pack" / file.name)
            die()
        super()._move_in(received)
        self._at("moved in")

    def _at(self, point: str) -> None:
        if self.point == point:
            die()


class DyingRepository(Repository):
    """A repository whose process dies at a point."""

    def dying(self, point: str) -> "DyingRepository":
        """Set the point."""
        head = DyingHead(self.directory, self._git)
        receiver = DyingReceiver(self.directory, self._git, self._lock, head, self._history)
        head.point = receiver.point = point
        self._committer._head = head
        self._receiver = receiver
        return self


def commits(directory: str, name: str, count: str, point: str = "") -> None:
    """Commit `count` times to a file of its own; the hash of each."""
    repository = DyingRepository.open(Path(directory)).dying(point)
    base = len(repository.log())
    for number in range(int(count)):
        made = commit(repository, {f"global/{name}": f"{number}\n".encode()}, base=base)
        base = made.number
        print(made.hash, flush=True)


def receives(directory: str, old: str, new: str, point: str = "") -> None:
    """Receive the pack on its input; the newest hash then."""
    repository = DyingRepository.open(Path(directory)).dying(point)
    stream: BinaryIO = sys.stdin.buffer
    print(repository.receive(stream, old or None, new).hash, flush=True)


def tidies(directory: str) -> None:
    """Tidy up until it dies; a line before each time."""
    repository = Repository.open(Path(directory))
    while True:
        print("again", flush=True)
        repository.collect_garbage(always=True)


def has_foreign_names(directory: str) -> None:
    """Work with names that the locale of the process has no letters for; what came of it."""
    repository = Repository.open(Path(directory))
    name, other = "global/\u00fcber/\u00df", "global/\u20ac"
    commit(repository, {name: b"1\n", other: b"1\n"}, base=1)
    commit(repository, {name: b"2\n", other: None})
    print(ascii([repository.read(2, name), sorted(repository.tree(3))]))
    print(ascii([(found.path, "+2" in found.text) for found in repository.diff(2, 3)]))
    print([revision.number for revision in repository.log(path=name)])


def has_little_room(directory: str, size: str) -> None:
    """Commit a file that is too large for what is left; the error's name and text."""
    limit = int(size) // 2
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    repository = Repository.open(Path(directory))
    try:
        print(commit(repository, {"global/large": os.urandom(int(size))}).hash)
    except RepositoryError as error:
        print(type(error).__name__, error)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
