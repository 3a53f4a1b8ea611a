"""The configuration repository: a bare git repository with one branch, `main`: r1, r2, ...

The manager commits to it, and each node has a replica that follows by packs. Plain git can read
either. A `Repository` may be used by several threads, and a directory by several processes.

A revision is named by its number or its commit's full hash; 0 is the empty tree before r1. Besides
what each method says, everything raises `StorageError` when disk or git fail, and `DamagedError`
when the history is not whole or was written by others.
"""

from collections.abc import Collection
from pathlib import Path
from typing import IO, Self

import pygit2

from workers.repository import storage, upkeep
from workers.repository.beside import Beside
from workers.repository.committing import Candidate, Committer, Proposal
from workers.repository.differences import Difference, differences
from workers.repository.errors import (
    DivergedError,
    UnknownPathError,
    UnknownRevisionError,
)
from workers.repository.head import Head
from workers.repository.history import History, Revision, oid
from workers.repository.lock import WriteLock
from workers.repository.log import changes_of
from workers.repository.replication import Receiver, write_pack
from workers.repository.storage import told
from workers.repository.trees import Listing, Trees

Reference = int | str
LOG_LIMIT = 1_000


class Repository:
    """One repository on this host."""

    def __init__(self, directory: Path, git: pygit2.Repository) -> None:
        self.directory = directory
        self._git = git
        self._lock = WriteLock(directory)
        self._head = Head(directory, git)
        self._history = History(git, self._head)
        self._trees = Trees(directory, git)
        ground = (directory, git, self._lock, self._head, self._history)
        self._committer = Committer(*ground, self._trees)
        self._receiver = Receiver(*ground)
        self.beside = Beside(*ground, self._trees, self._receiver)

    @classmethod
    def create(cls, directory: Path) -> Self:
        """Make an empty repository; `NotARepositoryError` when there is one with revisions."""
        directory = directory.absolute()
        return cls(directory, storage.create(directory))

    @classmethod
    def open(cls, directory: Path) -> Self:
        """Open a repository, and clear away what a dead process left; `NotARepositoryError`."""
        directory = directory.absolute()
        repository = cls(directory, storage.reopen(directory))
        repository._lock.clear()
        return repository

    def close(self) -> None:
        """Let go of its files; they are opened again if it is used again."""
        self._git.free()

    def head(self) -> Revision | None:
        """The newest revision; None in an empty repository."""
        with told(self.directory):
            head = self._follow()
            return None if head is None else self._history.revision(head)

    def revision(self, reference: Reference) -> Revision:
        """One revision; `UnknownRevisionError`, also for r0."""
        with told(self.directory):
            commit = self._commit(reference)
            if commit is None:
                raise UnknownRevisionError("r0 is no revision; the first is r1")
            return self._history.revision(commit)

    def log(
        self, limit: int = 50, before: int | None = None, path: str | None = None
    ) -> list[Revision]:
        """At most `limit` revisions, the newest first, of those numbered below `before`.

        With `path`, those that changed this file, or anything in this directory.
        """
        with told(self.directory):
            self._follow()
            last = len(self._history) if before is None else min(before - 1, len(self._history))
            limit = max(0, min(limit, LOG_LIMIT))
            if path is None:
                numbers = list(range(last, max(0, last - limit), -1))
            else:
                numbers = changes_of(self._git, self._history, path, last, limit)
            commits = [self._history.commit_of(number) for number in numbers]
            return [self._history.revision(commit) for commit in commits if commit is not None]

    def tree(self, reference: Reference) -> Listing:
        """Every file of a revision: by path its blob, size and mode; `UnknownRevisionError`."""
        with told(self.directory):
            return self._trees.listing(self._tree(reference))

    def read(self, reference: Reference, path: str) -> bytes:
        """The content of a file; `UnknownRevisionError`, `UnknownPathError`."""
        file = self.tree(reference).get(path)
        if file is None:
            named = f"r{reference}" if isinstance(reference, int) else reference
            raise UnknownPathError(f"{path}: no such file in {named}; see what is in its tree")
        return self.content(file.blob)

    def content(self, blob: str) -> bytes:
        """The content of a blob of `tree`."""
        with told(self.directory):
            return self._git[blob].peel(pygit2.Blob).data

    def diff(
        self, old: Reference, new: Reference, paths: Collection[str] | None = None
    ) -> list[Difference]:
        """What differs from `old` to `new` by path; of `paths` only, if given."""
        with told(self.directory):
            empty = pygit2.Index().write_tree(self._git)
            older, newer = (self._tree(side) or empty for side in (old, new))
            return list(differences(self._git, older, newer, paths))

    def commit(self, base: Reference, proposal: Proposal) -> Revision:
        """Make the next revision of a change that was made to `base`; durable when it returns.

        If others have committed since, the change is merged by file. The same key again gives the
        revision it made. Raises `UnknownRevisionError`, `RefusedError` (with every reason),
        `TextError`, `ConflictError` (with all sides), `NothingChangedError`, `BusyError`, and what
        `proposal.check` raises.
        """
        with told(self.directory):
            self._follow()
            return self._history.revision(self._committer.commit(self._commit(base), proposal))

    def candidate(self, base: Reference, proposal: Proposal) -> Candidate:
        """What `commit` would make now, without making it; raises the same, but for `check`."""
        with told(self.directory):
            self._follow()
            return self._committer.candidate(self._commit(base), proposal)

    def lacks(self, commit: str) -> bool:
        """Whether a commit, given by its hash, is no revision here."""
        with told(self.directory):
            self._follow()
            return self._history.number_of(oid(commit)) is None

    def pack_since(self, have: str | None, output: IO[bytes] | None = None) -> bytes:
        """A pack for a replica whose newest revision is `have` (None: it is empty).

        It goes into the file `output` if one is given, as it should for a whole repository. Empty
        when there is nothing to send. Raises `DivergedError` when `have` is no revision here.
        """
        with told(self.directory):
            head = self._follow()
            since = None if have is None else oid(have)
            if since is not None and self._history.number_of(since) is None:
                way = "see which history counts, and let the other replicas follow it"
                raise DivergedError(f"the replica has {have}, which is no revision here; {way}")
            if head is None or head == since:
                return b""
            return write_pack(self.directory, since, head, output)

    def receive(self, pack: bytes | IO[bytes], expected_old: str | None, new: str) -> Revision:
        """Take in a pack (bytes or an open file) that leads from `expected_old` to `new`.

        Nothing is done if `new` is a revision here already. Raises `PackRefusedError`,
        `OutOfStepError`, `DivergedError`, `BusyError`; each leaves everything as it was.
        """
        with told(self.directory):
            old = None if expected_old is None else oid(expected_old)
            self._receiver.receive(pack, old, oid(new))
            return self._history.revision(oid(new))

    def collect_garbage(self, always: bool = False) -> bool:
        """Tidy up on the disk, if it is due; whether it was done. Takes seconds to minutes."""
        with told(self.directory):
            due = always or upkeep.is_due(self.directory)
            return due and upkeep.collect_garbage(self.directory)

    def _follow(self) -> pygit2.Oid | None:
        return self._history.follow()

    def _commit(self, reference: Reference) -> pygit2.Oid | None:
        """The commit of a revision; None for r0."""
        if reference == 0:
            return None
        self._follow()
        if isinstance(reference, int):
            commit = self._history.commit_of(reference)
            named = f"r{reference}"
        else:
            commit, named = oid(reference), reference
        if commit is None or self._history.number_of(commit) is None:
            newest = len(self._history)
            way = f"the newest is r{newest}" if newest else "there is none yet"
            raise UnknownRevisionError(f"{named}: no such revision here; {way}")
        return commit

    def _tree(self, reference: Reference) -> pygit2.Oid | None:
        commit = self._commit(reference)
        return None if commit is None else self._git[commit].peel(pygit2.Commit).tree_id
