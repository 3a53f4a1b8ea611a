"""Histories beside main: those that other repositories have, and those that were given up.

Where two repositories have revisions that the other lacks, one history is brought here beside main
(`refs/muster/foreign/NODE`), so that people can look at it; then main may turn to it, and what main
leaves is kept (`refs/muster/lost/...`, the newest `LOST_MAX`). Invariants: only `turn` moves main
to what does not continue it, and not before what it leaves is kept; a death at any instant leaves
main at the one or the other.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

import pygit2

from workers.files.durable import settle
from workers.repository.core import divergence
from workers.repository.errors import OutOfStepError, UnknownRevisionError
from workers.repository.ground import Ground
from workers.repository.history import Revision, oid, walk_back
from workers.repository.replication import Receiver
from workers.repository.storage import told
from workers.repository.trees import Listing, Trees

FOREIGN = "refs/muster/foreign/"
LOST = "refs/muster/lost/"
REVISIONS_MAX = 100
"""Revisions of a history that are named; all are counted."""


@dataclass(frozen=True, slots=True)
class Parting:
    """Where another history parts from main."""

    head: Revision
    """Its newest revision."""
    ancestor: int
    """The newest revision that both have; 0: none."""
    since: str
    """Its commit; empty: none."""
    count: int
    """Revisions after that."""
    revisions: tuple[Revision, ...]
    """The newest of them, newest first."""


@dataclass(eq=False)
class Beside(Ground):
    """What one repository has beside main. A commit is named by its full hash."""

    _trees: Trees
    _receiver: Receiver
    _lines: dict[str, tuple[object, frozenset[str]]] = field(default_factory=dict, init=False)

    def samples(self) -> list[str]:
        """Commits that tell another repository how much it shares with this one, newest first."""
        with told(self._directory):
            self._history.follow()
            commits = map(self._history.commit_of, divergence.samples(len(self._history)))
            return [str(commit) for commit in commits if commit is not None]

    def receive(self, pack: bytes | IO[bytes], since: str, new: str, name: str) -> None:
        """Take in a history that leads from `since` (a revision here; empty: nothing) to `new`.

        It is kept under `name`, and main stays. Raises `PackRefusedError`, `OutOfStepError` when
        `since` is no revision here, `BusyError`; each leaves everything as it was.
        """
        with told(self._directory), self._lock.held():
            self._history.follow()
            start = oid(since) if since else None
            if start is not None and self._history.number_of(start) is None:
                raise OutOfStepError(f"{since} is no revision here; ask for a pack since another")
            if self._history.number_of(oid(new)) is None:
                self._receiver.bring(pack, start, oid(new), follows=False)
            self._point(FOREIGN + name, oid(new))

    def foreign(self) -> dict[str, str]:
        """The commit of each history that was brought here, by its name."""
        with told(self._directory):
            return {name: str(commit) for name, commit in self._references(FOREIGN)}

    def drop(self, name: str) -> None:
        """Let go of a history that was brought here; nothing is done when there is none."""
        with told(self._directory), self._lock.held():
            if FOREIGN + name in self._git.references:
                self._git.references.delete(FOREIGN + name)

    def lost(self) -> dict[str, str]:
        """The newest commit of each history that was given up, by its name, oldest first."""
        with told(self._directory):
            return {name: str(commit) for name, commit in sorted(self._references(LOST))}

    def keep(self, commit: str) -> None:
        """Keep a history as one that is given up; once, and the oldest beyond `LOST_MAX` goes."""
        with told(self._directory), self._lock.held():
            self._keep(oid(commit))

    def is_given_up(self, commit: str) -> bool:
        """Whether a commit is of a history that was given up, and not of main's."""
        with told(self._directory):
            self._history.follow()
            return commit in self._line(LOST) and not self._is_main(commit)

    def turn(self, old: str, new: str, pack: bytes | IO[bytes] = b"", since: str = "") -> Revision:
        """Move main from `old` (empty: it is empty) to `new`, whatever lies between.

        The objects are here already, or `pack` brings them, since the revision `since`. Nothing is
        done when main is there. Raises what `receive` raises, `OutOfStepError` also when main is
        not at `old`.
        """
        start, end = (oid(old) if old else None), oid(new)
        with told(self._directory), self._lock.held():
            head = self._history.follow()
            if head == end:
                return self._history.revision(end)
            if head != start:
                here = head or "empty"
                raise OutOfStepError(f"{self._directory} is at {here}, not at {old}; look again")
            if pack and not self._is_main(new):
                self._receiver.bring(pack, oid(since) if since else None, end, follows=False)
            else:
                self._known(new)
            if start is not None and self._parting(end).since != old:
                self._keep(start)
            if not self._head.move(head, end):
                raise OutOfStepError(f"{self._directory}: main was moved meanwhile; try again")
            self._history.follow()
            return self._history.revision(end)

    def parting(self, commit: str) -> Parting:
        """Where the history of a commit that is here parts from main; `UnknownRevisionError`."""
        with told(self._directory):
            self._history.follow()
            self._known(commit)
            return self._parting(oid(commit))

    def has(self, commit: str) -> bool:
        """Whether a commit is of main, or of a history beside it: so with all that it needs."""
        with told(self._directory):
            self._history.follow()
            return self._is_here(commit)

    def tree(self, commit: str) -> Listing:
        """Every file of a revision beside main; `UnknownRevisionError`."""
        with told(self._directory):
            return self._trees.listing(self._known(commit).tree_id)

    def _known(self, commit: str) -> pygit2.Commit:
        if not self._is_here(commit):
            way = "have it fetched first"
            raise UnknownRevisionError(f"{commit}: no such commit here; {way}")
        return self._git[oid(commit)].peel(pygit2.Commit)

    def _parting(self, commit: pygit2.Oid) -> Parting:
        """Raises `DamagedError` when it is no history of revisions."""
        count, newest = 0, []
        parent: pygit2.Oid | None = commit
        for found, _ in walk_back(self._git, commit, self._history.numbers()):
            if count < REVISIONS_MAX:
                newest.append(self._history.revision(found.id))
            count += 1
            parent = found.parent_ids[0] if found.parent_ids else None
        ancestor = 0 if parent is None else self._history.number_of(parent) or 0
        return Parting(
            head=self._history.revision(commit),
            ancestor=ancestor,
            since="" if parent is None else str(parent),
            count=count,
            revisions=tuple(newest),
        )

    def _keep(self, commit: pygit2.Oid) -> None:
        kept = dict(self._references(LOST))
        if commit not in kept.values():
            name = divergence.aside_name(kept, self._history.revision(commit).number)
            self._point(LOST + name, commit)
            for oldest in divergence.surplus([*kept, name]):
                self._git.references.delete(LOST + oldest)

    def _point(self, reference: str, commit: pygit2.Oid) -> None:
        """Make a reference, durably, with what it refers to and the directories that it is in."""
        for name in ("objects", "objects/pack"):
            settle(self._directory / name)
        self._git.references.create(reference, commit, force=True)
        directory = (self._directory / reference).parent
        while directory != self._directory:
            settle(directory)
            directory = directory.parent

    def _references(self, prefix: str) -> Iterator[tuple[str, pygit2.Oid]]:
        for reference in self._git.references.iterator():
            if reference.name.startswith(prefix) and isinstance(reference.target, pygit2.Oid):
                yield reference.name.removeprefix(prefix), reference.target

    def _line(self, prefix: str) -> frozenset[str]:
        """Every commit of the histories of these references, back to main as it was when asked.

        Worked out anew when main or one of them is another.
        """
        tips = tuple(sorted(str(commit) for _, commit in self._references(prefix)))
        state = (self._head.read(), tips)
        if prefix not in self._lines or self._lines[prefix][0] != state:
            main = self._history.numbers()
            walks = (walk_back(self._git, oid(tip), main) for tip in tips)
            found = frozenset(str(one.id) for walk in walks for one, _ in walk)
            self._lines[prefix] = state, found
        return self._lines[prefix][1]

    def _is_here(self, commit: str) -> bool:
        return self._is_main(commit) or commit in self._line(FOREIGN) | self._line(LOST)

    def _is_main(self, commit: str) -> bool:
        return self._history.number_of(oid(commit)) is not None
