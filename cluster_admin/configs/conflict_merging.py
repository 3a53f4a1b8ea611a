"""Merging a node's history into the manager's: what it changed alone, as one revision.

Files are merged as those of any commit that was made to an older revision; definitions by what they
say. Where both changed the same, somebody chooses the side of the manager or of the node for all of
it, or sees what clashes. Afterwards the node's own history is given up: nothing of it is missing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from django.db import transaction

from cluster_admin.audit.actor import Actor
from cluster_admin.configs import conflict_ending, defining, services, store
from cluster_admin.configs.conflict_ending import Ended
from cluster_admin.configs.places import entries
from cluster_admin.configs.rebasing import on_newest
from cluster_admin.configs.services import Made
from cluster_admin.inventory.refusals import Refused
from workers.repository.beside import Parting
from workers.repository.core.changes import Changes, Entry
from workers.repository.errors import SHOWN, ConflictError, NothingChangedError, Sides

TITLES, TITLE = 20, 100
"""Revisions whose first lines the message of a merge repeats; characters of each."""


class Choice(StrEnum):
    """Whose side counts where both changed the same."""

    MINE = "mine"
    """The manager's."""
    THEIRS = "theirs"
    """The node's."""


class ClashError(ConflictError):
    """Both histories changed the same; `paths` has all sides, `theirs` being the manager's."""

    def __init__(self, node: str, base: int, head: int, paths: Mapping[str, Sides]) -> None:
        super().__init__(base, head, paths)
        named = ", ".join(list(paths)[:SHOWN]) + (" and others" if len(paths) > SHOWN else "")
        way = "choose --mine (the manager's) or --theirs for these, or let one history count"
        self.args = (f"changed by both since r{base}, here and on {node}: {named}; {way}",)


@dataclass(slots=True)
class _Merge:
    """What is to be done to the newest revision, and what clashes."""

    changes: dict[str, Entry | None] = field(default_factory=dict)
    clashes: dict[str, Sides] = field(default_factory=dict)


def resolve(
    actor: Actor,
    node: str,
    choice: Choice | None = None,
    *,
    reason: str = "",
    dry_run: bool = False,
) -> tuple[Made | None, Ended]:
    """Merge a node's history, and have the node take up the result; None: it says nothing new.

    Raises `ClashError` with the files that clash, unless there is a choice; and what
    `services.commit` raises.
    """
    with transaction.atomic():
        theirs = conflict_ending.fetched(conflict_ending.row_of(node))
    base = store.repository().head()
    at = 0 if base is None else base.number
    changes = _merged(node, theirs, at, choice)
    made = None
    with transaction.atomic():
        if conflict_ending.row_of(node).commit != theirs.head.hash:
            way = "see muster config conflict, and merge again"
            raise Refused(f"{node} told of more meanwhile; {way}")
        if changes:
            try:
                made = services.commit(
                    actor,
                    changes,
                    _message(node, theirs),
                    base=at,
                    dry_run=dry_run,
                    add_segments=True,
                    ends_conflict=True,
                )
            except NothingChangedError:
                made = None
        ended = conflict_ending.override(actor, node, reason=reason, dry_run=dry_run)
    return made, ended


def _merged(node: str, theirs: Parting, at: int, choice: Choice | None) -> Changes:
    """What is to be done to revision `at`, the newest; raises `ClashError`."""
    changes = _changed(theirs)
    files, others = defining.divided(changes)
    merge = _Merge()
    _merge_files(merge, theirs.ancestor, dict(others))
    _merge_definitions(merge, node, theirs.ancestor, files)
    if merge.clashes and choice is None:
        raise ClashError(node, theirs.ancestor, at, dict(sorted(merge.clashes.items())))
    if choice is Choice.THEIRS:
        tree = store.repository().tree(at)
        for path in merge.clashes:
            wanted = changes[path]
            if wanted is not None or path in tree:
                merge.changes[path] = wanted
    return merge.changes


def _changed(theirs: Parting) -> Changes:
    """What the node's history changed since both were one."""
    repository = store.repository()
    before, after = repository.tree(theirs.ancestor), repository.beside.tree(theirs.head.hash)
    paths = sorted(before.keys() | after.keys())
    wanted = {path: after.get(path) for path in paths if before.get(path) != after.get(path)}
    return entries(wanted, repository.content)


def _merge_files(merge: _Merge, ancestor: int, others: dict[str, Entry | None]) -> None:
    """Merge what can be merged of the files that are no definitions."""
    while others:
        try:
            merge.changes.update(on_newest(ancestor, others)[1])
        except ConflictError as conflict:
            merge.clashes.update(conflict.paths)
            others = {path: one for path, one in others.items() if path not in conflict.paths}
        else:
            return


def _merge_definitions(merge: _Merge, node: str, ancestor: int, files: Changes) -> None:
    """Merge what can be merged of definitions files."""
    for path, wanted in files.items():
        if wanted is None:
            way = f"let one history count: muster config master or override {node}"
            raise Refused(f"the subcluster of {path} was removed there, which cannot merge; {way}")
        try:
            text = defining.merged(path, ancestor, wanted.content)
        except ConflictError as conflict:
            merge.clashes.update(conflict.paths)
        else:
            merge.changes[path] = Entry(text.encode())


def _message(node: str, theirs: Parting) -> str:
    first = theirs.head.number - theirs.count + 1
    lines = [
        f"r{one.number} {one.message.partition(chr(10))[0][:TITLE]}" for one in theirs.revisions
    ]
    more = [f"and {theirs.count - TITLES} more"] if theirs.count > TITLES else []
    title = f"Merge r{first} to r{theirs.head.number} of {node}"
    return "\n".join([title, "", *lines[:TITLES], *more])
