"""Three-way merge by file: what becomes of a change that was made to an older tree.

Sides: `base` is the tree the change was made to, `theirs` what others have made of it since, `ours`
what the change says. A file only one side touched is taken from that side; where both did the same
nothing is left to do; where both changed the text of a file, their lines are merged (not here).
Invariant: nothing that others changed is overwritten without their lines being in the result.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Version:
    """A file on one side: the id of its content, and whether it is executable."""

    blob: str
    executable: bool = False


Versions = Mapping[str, Version]


@dataclass(slots=True)
class Outcome:
    """The paths of a change, by what is to be done with them."""

    take: list[str] = field(default_factory=list)
    """Ours goes into the result."""
    done: list[str] = field(default_factory=list)
    """Theirs is the same already."""
    merge: list[str] = field(default_factory=list)
    """Both changed the file: their lines are to be merged."""
    conflicts: list[str] = field(default_factory=list)
    """No merge is possible: one deleted it, or both added it."""


def sort_out(base: Versions, theirs: Versions, ours: Mapping[str, Version | None]) -> Outcome:
    """Say for each path of `ours` (None: deleted) what is to be done with it."""
    outcome = Outcome()
    for path, mine in sorted(ours.items()):
        before, other = base.get(path), theirs.get(path)
        if other == mine:
            outcome.done.append(path)
        elif other == before:
            outcome.take.append(path)
        elif before is None or other is None or mine is None:
            outcome.conflicts.append(path)
        else:
            outcome.merge.append(path)
    return outcome


def merged_flag(base: bool, theirs: bool, ours: bool) -> bool:
    """A flag both sides may have changed; of two values one side must have changed it."""
    return ours if theirs == base else theirs
