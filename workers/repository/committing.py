"""New revisions: a change and the revision it was made to become the next one, or are refused.

Whoever commits to a revision that is no longer the newest has the change merged by file.
Invariants: nothing that others committed is lost or overwritten unseen; the same key makes one
revision, however often it comes; what `commit` returns is durable, and what it refuses has changed
nothing.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import pygit2

from workers.repository.core.changes import Changes, Entry, problems
from workers.repository.core.merge import Version, merged_flag, sort_out
from workers.repository.core.messages import Message, TextRefusal, compose, text_refusal, tidy
from workers.repository.core.paths import Known
from workers.repository.errors import (
    BusyError,
    ConflictError,
    NothingChangedError,
    RefusedError,
    Sides,
    TextError,
)
from workers.repository.ground import Ground
from workers.repository.trees import Listing, Trees, altered

Commit = pygit2.Oid | None
"""None: r0, the empty repository."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A revision that could be made: a change as it would be done to the newest tree."""

    number: int
    before: Listing
    """The newest tree."""
    after: Listing
    changes: Changes
    """What leads from `before` to `after`."""
    read: Callable[[str], bytes]
    """The content of a blob of either; only while the repository is open."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is to be committed."""

    changes: Changes
    name: str
    email: str
    """Of the author."""
    message: str
    when: datetime
    """With an offset from UTC."""
    key: str = ""
    """Makes the commit idempotent; empty: it is not."""
    known: Known | None = None
    """If given, only files of these subclusters and nodes may be written."""
    check: Callable[[Candidate], None] | None = None
    """If given, it is asked before anything is written, and raises what it likes to refuse. It may
    be asked more than once, when others commit meanwhile."""


@dataclass(eq=False)
class Committer(Ground):
    """Makes the revisions of one repository."""

    _trees: Trees

    def commit(self, base: Commit, proposal: Proposal) -> pygit2.Oid:
        """Make the next revision; its commit. Raises what `Repository.commit` says."""
        signature = _signature(proposal)
        # The work is done without the lock; who lost a race does it again, holding it.
        for holding in (False, True):
            with self._lock.held() if holding else contextlib.nullcontext():
                head = self._history.follow()
                number = self._history.number_by_key(proposal.key) if proposal.key else None
                made = self._history.commit_of(number) if number else None
                if made is not None:
                    return made
                new = self._next(base, head, proposal, signature)
                with contextlib.nullcontext() if holding else self._lock.held():
                    moved = self._head.move(head, new)
            if moved:
                self._history.follow()
                return new
        way = "leave writing to Muster, and try again"
        raise BusyError(f"{self._directory}: main is moved by another program; {way}")

    def candidate(self, base: Commit, proposal: Proposal) -> Candidate:
        """What `commit` would make, without making it; raises the same, but for `check`."""
        _signature(proposal)
        return self._candidate(base, self._history.follow(), proposal)

    def _next(
        self, base: Commit, head: Commit, proposal: Proposal, signature: pygit2.Signature
    ) -> pygit2.Oid:
        """The commit that shall follow `head`, with everything it needs on the disk."""
        candidate = self._candidate(base, head, proposal)
        if proposal.check is not None:
            proposal.check(candidate)
        tree = self._trees.build(self._tree(head), candidate.changes)
        message = Message(tidy(proposal.message), candidate.number, proposal.key)
        parents = [] if head is None else [head]
        text = compose(message)
        return self._git.create_commit(None, signature, signature, text, tree, parents)

    def _candidate(self, base: Commit, head: Commit, proposal: Proposal) -> Candidate:
        changes = self._against_head(base, head, proposal)
        before = self._trees.listing(self._tree(head))
        after = altered(before, changes)
        new = {after[path].blob: entry.content for path, entry in changes.items() if entry}

        def read(blob: str) -> bytes:
            content = new.get(blob)
            return self._git[blob].peel(pygit2.Blob).data if content is None else content

        return Candidate(self._number(head) + 1, before, after, changes, read)

    def _against_head(
        self, base: Commit, head: Commit, proposal: Proposal
    ) -> dict[str, Entry | None]:
        """What of the change is to be done to the newest tree."""
        before = self._trees.listing(self._tree(base))
        newest = self._trees.listing(self._tree(head))
        self._check(proposal, proposal.changes, before)
        ours = {
            path: None if entry is None else _version(entry)
            for path, entry in proposal.changes.items()
        }
        outcome = sort_out(_versions(before, ours), _versions(newest, ours), ours)
        changes = {path: proposal.changes[path] for path in outcome.take}
        conflicts = set(outcome.conflicts)
        for path in outcome.merge:
            merged = self._merged(before, newest, path, proposal.changes[path])
            if merged is None:
                conflicts.add(path)
            elif _version(merged) != _versions(newest, (path,))[path]:
                changes[path] = merged
        if conflicts:
            paths = {p: self._sides(before, newest, p, proposal.changes[p]) for p in conflicts}
            raise ConflictError(self._number(base), self._number(head), dict(sorted(paths.items())))
        if not changes:
            sentence = f"r{self._number(head)} already says all of it; there is nothing to commit"
            raise NothingChangedError(sentence)
        if base != head:
            self._check(proposal, changes, newest)
        return changes

    def _merged(
        self, base: Listing, theirs: Listing, path: str, entry: Entry | None
    ) -> Entry | None:
        """A file that both sides changed, with the lines of both; None when they conflict."""
        if entry is None:
            return None
        before, other = base[path], theirs[path]
        ours = str(self._git.create_blob(entry.content))
        content = self._trees.merge_lines(before.blob, other.blob, ours)
        if content is None:
            return None
        flag = merged_flag(before.executable, other.executable, entry.executable)
        return Entry(content, flag)

    def _sides(self, base: Listing, theirs: Listing, path: str, entry: Entry | None) -> Sides:
        ours = None if entry is None else entry.content
        return Sides(self._content(base, path), ours, self._content(theirs, path))

    def _content(self, listing: Listing, path: str) -> bytes | None:
        file = listing.get(path)
        return None if file is None else self._git[file.blob].peel(pygit2.Blob).data

    def _check(self, proposal: Proposal, changes: Changes, listing: Listing) -> None:
        sizes = {path: file.size for path, file in listing.items()}
        found = tuple(problems(changes, sizes, proposal.known))
        if found:
            raise RefusedError(found)

    def _tree(self, commit: Commit) -> pygit2.Oid | None:
        return None if commit is None else self._git[commit].peel(pygit2.Commit).tree_id

    def _number(self, commit: Commit) -> int:
        return 0 if commit is None else self._history.number_of(commit) or 0


def _signature(proposal: Proposal) -> pygit2.Signature:
    """Author and time for git; `TextError` for what git could not keep."""
    refusal = text_refusal(proposal.message, proposal.name, proposal.email, proposal.key)
    offset = proposal.when.utcoffset()
    if refusal is None and (offset is None or proposal.when.timestamp() < 0):
        refusal = TextRefusal.TIME
    if refusal is not None or offset is None:
        raise TextError((refusal or TextRefusal.TIME).value)
    seconds, minutes = int(proposal.when.timestamp()), int(offset.total_seconds() // 60)
    return pygit2.Signature(proposal.name, proposal.email, seconds, minutes, "utf-8")


def _version(entry: Entry) -> Version:
    return Version(str(pygit2.hash(entry.content)), entry.executable)


def _versions(
    listing: Listing, paths: dict[str, Version | None] | tuple[str]
) -> dict[str, Version]:
    return {
        path: Version(listing[path].blob, listing[path].executable)
        for path in paths
        if path in listing
    }
