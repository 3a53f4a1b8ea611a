"""What is changed here, what a pull does to each file, and what a commit sends: decisions alone.

Sides are maps of path to version: `base` is what the working copy was made from, `local` what is on
the disk, `theirs` the revision pulled. Invariant: a file that was changed here is only replaced by
one that has the changes of both, or because the operator said `theirs`.
"""

from collections.abc import Collection, Iterator, Mapping, Set
from dataclasses import dataclass, field
from enum import StrEnum

from cluster_admin.cli.config_states import Choice, Files
from workers.repository.core.merge import Version, sort_out

Wanted = Mapping[str, Version | None]
"""What shall be at each path; None: nothing."""
SIDES = ("base", "mine", "theirs")


class What(StrEnum):
    """How a file here differs from the base."""

    CHANGED = "changed"
    NEW = "new"
    GONE = "gone"
    CONFLICT = "conflict"
    OTHER = "refused"
    """It is no plain file."""


def side_of(path: str, side: str) -> str:
    """Where a side of a conflict stands."""
    return f"{path}.{side}"


def changes(
    base: Files, local: Files, others: Set[str], conflicts: Collection[str]
) -> dict[str, What]:
    """What differs here from the base, by path; sides of conflicts are no files of their own.

    `others` are things on the disk that are no plain files: what they stand for is not gone.
    """
    beside = {side_of(path, side) for path in conflicts for side in SIDES}
    found = {}
    for path in sorted({*base, *local, *others, *conflicts}):
        if path in conflicts:
            found[path] = What.CONFLICT
        elif path in others or not others.isdisjoint(parents(path)):
            found[path] = What.OTHER
        elif path not in local:
            found[path] = What.GONE
        elif path not in base:
            if path not in beside:
                found[path] = What.NEW
        elif base[path] != local[path]:
            found[path] = What.CHANGED
    return found


def moved(base: Files, theirs: Files) -> list[str]:
    """The paths where the pulled revision differs from the base."""
    return sorted(path for path in {*base, *theirs} if base.get(path) != theirs.get(path))


def mergeable(base: Files, theirs: Files, local: Files) -> list[str]:
    """The files that both sides have and changed: their lines may be merged."""
    both = {path: local.get(path) for path in moved(base, theirs)}
    ours = {path: mine for path, mine in both.items() if mine != base.get(path)}
    return sort_out(base, theirs, ours).merge


@dataclass(frozen=True, slots=True)
class Decision:
    """What a pull does; it does nothing when something is `unsettled`."""

    results: dict[str, Version | None] = field(default_factory=dict)
    """What the disk shall have, for each path where the pulled revision differs."""
    conflicts: list[str] = field(default_factory=list)
    """Of these the sides are put beside."""
    unsettled: list[str] = field(default_factory=list)
    """Changed here and there, and nobody said what shall become of it."""


def decide(
    base: Files, theirs: Files, local: Files, merged: Wanted, choice: Choice | None
) -> Decision:
    """What a pull does; `merged` has the files whose lines could be merged."""
    decision = Decision()
    for path in moved(base, theirs):
        mine, other = local.get(path), theirs.get(path)
        if mine in (other, base.get(path)):
            decision.results[path] = other
        elif path in merged:
            decision.results[path] = merged[path]
        elif choice is None:
            decision.unsettled.append(path)
        else:
            decision.results[path] = other if choice is Choice.THEIRS else mine
            if choice is Choice.MANUAL:
                decision.conflicts.append(path)
    return decision


def in_the_way(
    decision: Decision, local: Files, others: Mapping[str, str], own: Collection[str]
) -> Iterator[str]:
    """What keeps a pull from putting its files in place, a sentence each.

    `others` are things on the disk that are no plain files; `own` are conflicts of before, whose
    sides may be written again.
    """
    written = {path for path, result in decision.results.items() if result != local.get(path)}
    sides = {side_of(path, side): path for path in decision.conflicts for side in SIDES}
    for side, path in sorted(sides.items()):
        taken = side in local or side in others or decision.results.get(side)
        if taken and path not in own:
            yield f"{side} is in the way of a side of the conflict; rename it"
    kept = {path for path in local if path not in decision.results} | others.keys() | sides.keys()
    after = kept | {path for path, result in decision.results.items() if result}
    directories = {above: path for path in after for above in parents(path)}
    for path in sorted({path for path in written if decision.results[path]} | sides.keys()):
        if path in others:
            yield f"{path} {others[path]}; move it away"
        elif path in directories:
            yield f"{path} is to be a file, but {directories[path]} needs a directory; move it away"
        elif above := next((above for above in parents(path) if above in after), None):
            yield f"{above} is in the way of {path}; move it away"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What a commit sends, and what it leaves out though it differs."""

    changes: dict[str, Version | None] = field(default_factory=dict)
    left_out: dict[str, What] = field(default_factory=dict)


def outgoing(
    found: Mapping[str, What],
    local: Files,
    named: Collection[str],
    *,
    add_all: bool,
    delete_all: bool,
) -> Outgoing:
    """What a commit sends of what is different here.

    Of what was `named` (files, or directories) if something was; a file that is new or gone only
    when it was named itself, or all such were asked for.
    """
    result = Outgoing()
    asked = {What.NEW: add_all, What.GONE: delete_all, What.OTHER: False, What.CONFLICT: False}
    for path, what in found.items():
        if named and not within(path, named):
            continue
        if asked.get(what, True) or (what in (What.NEW, What.GONE) and path in named):
            result.changes[path] = local.get(path)
        else:
            result.left_out[path] = what
    return result


def within(path: str, named: Collection[str]) -> bool:
    """Whether a path was named, or a directory that it is in; "" names everything."""
    return "" in named or path in named or any(above in named for above in parents(path))


def parents(path: str) -> Iterator[str]:
    """The directories a path is in, the nearest first."""
    above = path.rpartition("/")[0]
    while above:
        yield above
        above = above.rpartition("/")[0]
