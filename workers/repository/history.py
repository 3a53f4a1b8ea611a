"""The revisions: r1 is the first commit, and each commit has one parent, the revision before.

The index from numbers to commits is kept in memory and read from git: what is new since the last
look, or everything at the first. Invariant: a revision's number is its depth, and its commit says
the same number; a history that is not so is refused as damaged.
"""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

import pygit2

from workers.repository.core.messages import Message, parse
from workers.repository.errors import DamagedError, UnknownRevisionError
from workers.repository.head import Head

_WAY = "move main back to the last good revision, or fetch a whole copy from a replica"


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision of the whole tree."""

    number: int
    hash: str
    """Of the commit: 40 lower-case hexadecimal digits."""
    name: str
    email: str
    """Of the author."""
    when: datetime
    """With the author's offset from UTC, to the second."""
    message: str
    key: str = ""
    """What made the commit idempotent; empty when it had none."""


class History:
    """The revisions of one repository."""

    def __init__(self, git: pygit2.Repository, head: Head) -> None:
        self._git = git
        self._head = head
        self._lock = threading.Lock()
        self._commits: list[pygit2.Oid] = []
        self._numbers: dict[pygit2.Oid, int] = {}
        self._keys: dict[str, int] = {}

    def follow(self) -> pygit2.Oid | None:
        """Read what is new; the newest commit, None when there is none. Raises `DamagedError`."""
        with self._lock:
            # Read under the lock: whoever read it earlier must not turn back who read it later.
            head = self._head.read()
            if head == (self._commits[-1] if self._commits else None):
                return head
            fresh = list(walk_back(self._git, head, self._numbers)) if head else []
            if not fresh or _parent(fresh[-1][0]) != (self._commits[-1] if self._commits else None):
                # Somebody moved the branch by hand: what was read before may not count any more.
                self._commits, self._numbers, self._keys = [], {}, {}
                fresh = list(walk_back(self._git, head, {})) if head else []
            for commit, message in reversed(fresh):
                self._commits.append(commit.id)
                self._numbers[commit.id] = message.number
                if message.key:
                    self._keys[message.key] = message.number
            return head

    def __len__(self) -> int:
        return len(self._commits)

    def commit_of(self, number: int) -> pygit2.Oid | None:
        """The commit of revision `number`; None when there is no such revision."""
        with self._lock:
            return self._commits[number - 1] if 0 < number <= len(self._commits) else None

    def number_of(self, commit: pygit2.Oid) -> int | None:
        """The number of a commit; None when it is no revision of this history."""
        return self._numbers.get(commit)

    def numbers(self) -> Mapping[pygit2.Oid, int]:
        """The number of every commit."""
        return self._numbers

    def number_by_key(self, key: str) -> int | None:
        """The number of the revision that was committed with this key; None: none was."""
        return self._keys.get(key)

    def revision(self, commit: pygit2.Oid) -> Revision:
        """Read what a commit says."""
        found = _read(self._git, commit)
        message = _message(found)
        author = found.author
        zone = timezone(timedelta(minutes=author.offset))
        return Revision(
            number=message.number,
            hash=str(found.id),
            name=author.name,
            email=author.email,
            when=datetime.fromtimestamp(author.time, zone),
            message=message.text,
            key=message.key,
        )


def oid(commit: str) -> pygit2.Oid:
    """A full hash; `UnknownRevisionError` for anything else."""
    if len(commit) != 40 or not set(commit) <= set("0123456789abcdef"):
        way = "give its number, or all 40 hexadecimal digits"
        raise UnknownRevisionError(f"{commit[:60]!r} is no hash of a commit; {way}")
    return pygit2.Oid(hex=commit)


def walk_back(
    git: pygit2.Repository, tip: pygit2.Oid, known: Mapping[pygit2.Oid, int]
) -> Iterator[tuple[pygit2.Commit, Message]]:
    """The commits from `tip` back to the first, or to before one that is known, newest first.

    Raises `DamagedError` for a commit that is no revision, or numbered otherwise than its depth.
    """
    expected: int | None = None
    at: pygit2.Oid | None = tip
    while at is not None and at not in known:
        commit = _read(git, at)
        message = _message(commit)
        if expected is not None and message.number != expected:
            raise DamagedError(f"commit {at} says r{message.number}, and is r{expected}; {_WAY}")
        yield commit, message
        at, expected = _parent(commit), message.number - 1
    if expected is not None and expected != (0 if at is None else known[at]):
        start = "the first commit" if at is None else f"commit {at}"
        raise DamagedError(
            f"revisions are missing after {start}: the next is r{expected + 1}; {_WAY}"
        )


def _read(git: pygit2.Repository, commit: pygit2.Oid) -> pygit2.Commit:
    found: pygit2.Object | pygit2.Commit | None = git.get(commit)
    if not isinstance(found, pygit2.Commit):
        raise DamagedError(f"commit {commit} is missing; {_WAY}")
    return found


def _parent(commit: pygit2.Commit) -> pygit2.Oid | None:
    parents = commit.parent_ids
    if len(parents) > 1:
        raise DamagedError(f"commit {commit.id} is a merge, and no revision is; {_WAY}")
    return parents[0] if parents else None


def _message(commit: pygit2.Commit) -> Message:
    message = parse(commit.raw_message.decode("utf-8", "replace"))
    if message is None:
        raise DamagedError(f"commit {commit.id} was not made by Muster; {_WAY}")
    return message
