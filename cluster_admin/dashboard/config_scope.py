"""Whether a reader of the pages may commit what they propose; `configs.scope` has the rules."""

from collections.abc import Iterable
from typing import Any

from cluster_admin.accounts.roles import Role
from cluster_admin.accounts.services import EVERY, allowed
from cluster_admin.configs.scope import needed, reader

PATH_SHOWN = 200


def may_commit(user: Any, path: str) -> bool:
    """Whether a user may write, delete or name a file there."""
    return allowed(user, *needed(path))


def denial(user: Any, paths: Iterable[str]) -> str:
    """Why a user may not commit to all of these paths; empty when they may."""
    # Many paths need the same: each role is asked for once.
    asked: dict[tuple[Role, str], str] = {}
    for path in sorted(paths):
        asked.setdefault(needed(path), path)
    for (role, place), path in asked.items():
        if not allowed(user, role, place):
            where = "every subcluster" if place == EVERY else f"subcluster {place[:63]}"
            what = path[:PATH_SHOWN] if reader(user)(path) else "a file there"
            return (
                f"Committing {what} needs the role {role.value} in {where}; "
                "ask an administrator for it."
            )
    return ""
