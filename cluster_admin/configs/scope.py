"""Which files of the configuration a user may read, and which role writing one takes.

Whoever reads a subcluster reads its files, and `global/` with them, since its nodes get those too.
Editors write their subcluster's directories; `global/`, and the files that define a subcluster,
are administrators' (nodes run commands that definitions name as root).
"""

from collections.abc import Callable, Sequence
from typing import Any

from cluster_admin.accounts.roles import Role
from cluster_admin.accounts.services import EVERY, grants_of, readable
from workers.config.core.problems import Problem
from workers.config.core.render import Tree
from workers.repository.core.paths import DEFINITIONS, GLOBAL


def top_of(path: str) -> str:
    """The first name of a path: `global`, or a subcluster's."""
    return path.partition("/")[0]


def tops(user: Any) -> frozenset[str] | None:
    """The directories at the top that a user may read; None: every one."""
    names = readable(user)
    if names is None:
        return None
    return names | {GLOBAL} if grants_of(user) else frozenset()


def reader(user: Any) -> Callable[[str], bool]:
    """Says of a path whether the user may read it."""
    found = tops(user)
    return lambda path: found is None or top_of(path) in found


def sees_all(found: Tree | Sequence[Problem], sees: Callable[[str], bool]) -> bool:
    """Whether a reader may see all that a node's tree, or what is wrong with it, came from.

    A node may have been in another subcluster at that revision.
    """
    if isinstance(found, Tree):
        return all(sees(one.source) for one in found.files.values())
    return all(sees(one.path) for one in found)


def needed(path: str) -> tuple[Role, str]:
    """The role that writing a path takes, and in which subcluster (`EVERY`: over all)."""
    top, _, below = path.partition("/")
    if top == GLOBAL:
        return Role.ADMIN, EVERY
    return (Role.EDITOR if below and below != DEFINITIONS else Role.ADMIN), top
