"""What each subcluster has in the configuration, and which revision its nodes shall run: a list.

One look at the newest tree and one query for all of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from cluster_admin.configs import members
from cluster_admin.configs.models import Deployment
from cluster_admin.configs.scope import top_of
from cluster_admin.configs.store import repository
from workers.repository.errors import RepositoryError
from workers.repository.trees import Listing

Sizes = dict[str, tuple[int, int]]
"""Subcluster -> files, and bytes of all of them."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """Of one subcluster."""

    files: int
    bytes: int
    mode: str
    revision: int
    """That shall be live: the newest where each commit is; 0: what was live stays."""


@dataclass(frozen=True, slots=True)
class Configurations:
    """Of every subcluster."""

    newest: int
    sizes: Sizes
    deployments: Mapping[str, tuple[str, int]]

    def of(self, subcluster: str) -> Configuration:
        """One of them; of one that has nothing, nothing."""
        mode, revision = self.deployments.get(subcluster, (Deployment.Mode.FOLLOW.value, 0))
        follows = mode == Deployment.Mode.FOLLOW
        files, size = self.sizes.get(subcluster, (0, 0))
        return Configuration(files, size, mode, self.newest if follows else revision)


def configurations() -> Configurations | None:
    """Of the newest revision; None when the repository cannot be read: that is told elsewhere."""
    try:
        head = repository().head()
        newest = 0 if head is None else head.number
        sizes = sizes_of(repository().tree(newest))
    except RepositoryError:
        return None
    rows = Deployment.objects.values_list("subcluster__name", "mode", "revision")
    return Configurations(newest, sizes, {name: (mode, number) for name, mode, number in rows})


def sizes_of(tree: Listing) -> Sizes:
    """What stands below each directory at the top, definitions left out."""
    found: Sizes = {}
    for path, file in tree.items():
        if not members.subcluster_of(path):
            files, size = found.get(top_of(path), (0, 0))
            found[top_of(path)] = files + 1, size + file.size
    return found
