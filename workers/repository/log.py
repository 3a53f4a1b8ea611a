"""The revisions that changed one file or directory.

Every revision is looked at, the newest first, until enough are found; a directory that is the same
as in the revision after is not looked into.
"""

import pygit2
from pygit2.enums import FileMode

from workers.repository.history import History
from workers.repository.storage import as_taken

Step = tuple[pygit2.Oid, FileMode]
Steps = list[Step]
"""What stands at each name of a path, from the top; shorter than the path if that is not there."""


def changes_of(
    git: pygit2.Repository, history: History, path: str, last: int, limit: int
) -> list[int]:
    """The numbers of at most `limit` revisions up to `last` that changed `path`, newest first."""
    names = as_taken(path).strip("/").split("/")
    found: list[int] = []
    if "\0" in path or not all(names):
        return found
    newer = _steps(git, history, last, names, [])
    for number in range(last, 0, -1):
        if len(found) >= limit:
            break
        older = _steps(git, history, number - 1, names, newer)
        if _end(older, names) != _end(newer, names):
            found.append(number)
        newer = older
    return found


def _steps(
    git: pygit2.Repository, history: History, number: int, names: list[str], newer: Steps
) -> Steps:
    """Where the path leads in a revision; `newer` is where it leads in the one after."""
    commit = history.commit_of(number)
    steps: Steps = []
    if commit is None:
        return steps
    tree = git[commit].peel(pygit2.Commit).tree
    for depth, name in enumerate(names):
        if name not in tree:
            break
        found = tree[name]
        steps.append((found.id, found.filemode))
        if newer[depth : depth + 1] == steps[-1:]:
            return [*steps, *newer[depth + 1 :]]
        if not isinstance(found, pygit2.Tree):
            break
        tree = found
    return steps


def _end(steps: Steps, names: list[str]) -> Step | None:
    return steps[-1] if len(steps) == len(names) else None
