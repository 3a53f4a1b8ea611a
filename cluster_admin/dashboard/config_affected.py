"""Differences ready to be shown: of revisions, and of what a change does to nodes.

Nodes on which the same changes stand together.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from cluster_admin.configs.diffs import Bounds, FileDiff, of_differences, of_trees
from cluster_admin.configs.diffs_of_changes import of_change, read
from cluster_admin.configs.previewing import Preview
from cluster_admin.configs.store import repository
from workers.repository.core.changes import Changes
from workers.repository.differences import Difference

GROUPS = 10
"""Differences that are shown; nodes of further ones are only named."""
READ_BYTES = 4 * 1024 * 1024
SHOWN = Bounds(files=25, file_lines=400, lines=800, characters=120_000)


@dataclass(frozen=True, slots=True)
class Affected:
    """Nodes whose files change alike, running -> proposed."""

    nodes: list[str]
    files: tuple[FileDiff, ...]
    more: int
    """Files that change too and are not shown."""

    @property
    def count(self) -> int:
        """Files that change, shown or not."""
        return len(self.files) + self.more


def affected(previews: Iterable[Preview]) -> list[Affected]:
    """The differences that a change makes, each with the nodes that it makes them on."""
    together: dict[tuple[Difference, ...], list[str]] = {}
    for one in previews:
        together.setdefault(one.differences, []).append(one.node)
    found = []
    for number, (differences, nodes) in enumerate(together.items()):
        shown = of_differences(differences, SHOWN if number < GROUPS else Bounds(files=0))
        found.append(Affected(nodes, shown.files, shown.more))
    return found


def in_repository(base: int, changes: Changes) -> tuple[FileDiff, ...]:
    """What a change does to the files of revision `base`."""
    return of_change(base, changes, SHOWN).files


def between(old: int, new: int, paths: Collection[str], bounds: Bounds) -> tuple[FileDiff, ...]:
    """How some files differ in two revisions.

    A few small files are read and compared by themselves: git would go through all that differ.
    """
    store = repository()
    sides = [store.tree(number) for number in (old, new)]
    sizes = (side[path].size for side in sides for path in paths if path in side)
    if sum(sizes) > READ_BYTES:
        return of_differences(store.diff(old, new, frozenset(paths)), bounds).files
    before, after = (read(side, paths) for side in sides)
    return of_trees(before, after, bounds).files
