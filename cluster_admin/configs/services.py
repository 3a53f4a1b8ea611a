"""Commits of the configuration: every node's tree can be rendered, git has it, the rows say so.

One transaction holds the rows that a definitions file changes, the index, the audit record and,
last, git's commit. So whatever dies when: nothing is there, or git has it and `index.follow` makes
the rows say so. Who may commit what is asked before (`places`); nodes are told afterwards.

Everything here raises `Refused` with every reason, and the `RepositoryError`s of
`Repository.commit` but for `RefusedError`; a `ConfigError` when nothing can be rendered at all.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from cluster_admin.audit import services as audit
from cluster_admin.audit.actor import SYSTEM, Actor
from cluster_admin.configs import announcements, conflicts, defining, index, members, previewing
from cluster_admin.configs.authors import author_of
from cluster_admin.configs.checking import Check, problems
from cluster_admin.configs.models import Revision
from cluster_admin.configs.previewing import Preview
from cluster_admin.configs.rebasing import rebased
from cluster_admin.configs.refusals import Problem, Refused, UnknownNodeError
from cluster_admin.configs.store import repository
from cluster_admin.inventory.models import Node, Subcluster
from workers.repository.committing import Candidate, Proposal
from workers.repository.core.changes import Changes
from workers.repository.errors import ConflictError, NothingChangedError, RefusedError

__all__ = [
    "Made",
    "Preview",
    "Problem",
    "Refused",
    "UnknownNodeError",
    "commit",
    "known",
    "made_with",
    "places",
    "preview",
    "render",
]
SHOWN_PATHS = 50
"""Paths in an audit record."""
render = previewing.render


@dataclass(frozen=True, slots=True)
class Made:
    """What came of a commit."""

    revision: Revision | None
    """None in a dry run."""
    head: int
    """The newest revision's number; in a dry run the one that the change was tried on."""
    previews: tuple[Preview, ...] = ()
    """In a dry run: what it would change on each node."""


def commit(
    actor: Actor,
    changes: Changes,
    message: str,
    *,
    base: int,
    key: str = "",
    dry_run: bool = False,
    add_segments: bool = False,
    ends_conflict: bool = False,
) -> Made:
    """Commit a change that was made to revision `base`; merged by file if others committed since.

    The same key again gives the revision that it made. `dry_run` changes nothing, in git neither,
    and shows what nodes would get. `add_segments`: see `inventory.services.import_text`. During a
    conflict of histories nothing is committed but what `ends_conflict`.
    """
    found = made_with(key)
    if found is not None:
        return found
    if not (dry_run or ends_conflict):
        conflicts.refuse_commits()
    try:
        return _commit(actor, changes, message, base, key, dry_run, add_segments)
    except (ConflictError, NothingChangedError):
        # The same request may have come twice, and the other one been quicker.
        found = made_with(key)
        if found is None:
            raise
        return found


def made_with(key: str) -> Made | None:
    """What a key has made before; None: nothing, or there is no key."""
    at = index.follow()
    found = Revision.objects.filter(key=key).first() if key else None
    return None if found is None else Made(found, at)


def _commit(
    actor: Actor,
    changes: Changes,
    message: str,
    base: int,
    key: str,
    dry_run: bool,
    add_segments: bool,
) -> Made:
    name, email = author_of(actor)
    check = Check()
    files, others = defining.divided(changes)

    def proposal(whole: Changes) -> Proposal:
        when = timezone.now()
        return Proposal(whole, name, email, message, when, key, known(), check)

    with _refusals():
        if not files:
            # The work is done before the transaction, which then only moves git.
            candidate = repository().candidate(base, proposal(changes))
            if dry_run:
                return _tried(candidate)
            check(candidate)
        with transaction.atomic():
            whole = changes
            if files:
                at = _locked(files)
                loaded = defining.loaded(files, base, actor, message, add_segments=add_segments)
                base, merged = rebased(base, proposal(others)) if others else (at, {})
                whole = {**merged, **loaded}
                if not whole:
                    way = "there is nothing to commit"
                    raise NothingChangedError(f"r{at} already says all of it; {way}")
            if dry_run:
                tried = _tried(repository().candidate(base, proposal(whole)))
                transaction.set_rollback(True)
                return tried
            index.lock()
            kept = repository().commit(base, proposal(whole))
            row = Revision.objects.filter(commit=kept.hash).first()
            if row is None:
                row = index.add(kept)
                _audit(actor, row, changes)
                announcements.announce(row.number)
    return Made(row, row.number)


def preview(changes: Changes, base: int) -> tuple[Preview, ...]:
    """What a change that was made to revision `base` would change on each node."""
    return commit(SYSTEM, changes, "preview", base=base, dry_run=True).previews


def known() -> dict[str, set[str]]:
    """The names of every subcluster's nodes."""
    found: dict[str, set[str]] = {
        name: set() for name in Subcluster.objects.values_list("name", flat=True)
    }
    for subcluster, node in Node.objects.values_list("subcluster__name", "name"):
        found[subcluster].add(node)
    return found


def places(changes: Mapping[str, object]) -> set[str]:
    """What a change touches: names of subclusters, and `global`; as written, known or not."""
    return {path.partition("/")[0] for path in changes}


def _locked(files: Changes) -> int:
    """Keep the subclusters of these files, and git, from others; the newest revision's number."""
    names = {members.subcluster_of(path) for path in files}
    rows = Subcluster.objects.select_for_update().filter(name__in=names).order_by("name")
    list(rows.values_list("pk"))
    index.lock()
    head = repository().head()
    return 0 if head is None else head.number


def _tried(candidate: Candidate) -> Made:
    found = problems(candidate)
    if found:
        raise Refused(found)
    return Made(None, candidate.number - 1, tuple(previewing.previews(candidate)))


def _audit(actor: Actor, row: Revision, changes: Changes) -> None:
    touched = places(changes)
    audit.record(
        actor,
        "commit",
        kind="configuration",
        object=str(row),
        subcluster=touched.pop() if len(touched) == 1 else "",
        reason=row.message,
        after={"paths": sorted(changes)[:SHOWN_PATHS], "files": len(changes)},
    )


@contextmanager
def _refusals() -> Iterator[None]:
    """Say what breaks the repository's own rules as other reasons are said."""
    try:
        yield
    except RefusedError as error:
        raise Refused(
            Problem(one.path, 0, "", one.refusal.value) for one in error.problems
        ) from error
