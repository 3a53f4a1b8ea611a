"""What a change does to the files of the repository, for people: the renderer is `diffs`."""

from collections.abc import Iterable, Mapping

from cluster_admin.configs.diffs import USUAL, Bounds, Diff, Plain, of_trees
from cluster_admin.configs.store import repository
from workers.repository.core.changes import Changes
from workers.repository.trees import Listing


def of_change(base: int, changes: Changes, bounds: Bounds = USUAL) -> Diff:
    """How the files that a change names differ from those of revision `base`."""
    new = {
        path: Plain(entry.content, entry.executable)
        for path, entry in changes.items()
        if entry is not None
    }
    return of_trees(read(repository().tree(base), changes), new, bounds)


def read(listing: Listing, paths: Iterable[str]) -> Mapping[str, Plain]:
    """Those of some files that are in a tree, with their contents."""
    store = repository()
    return {
        path: Plain(store.content(listing[path].blob), listing[path].executable)
        for path in paths
        if path in listing
    }
