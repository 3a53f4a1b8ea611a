"""What can go wrong with the configuration repository, under one root.

Each message is one sentence that names the thing, the value and the way out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from workers.repository.core.changes import Problem

SHOWN = 10
"""So many problems or paths are named in a sentence; the error object has all."""


class RepositoryError(Exception):
    """Root of every error that `workers.repository` raises."""


class StorageError(RepositoryError):
    """The disk or the git executable does not do what is asked; nothing has changed."""


class NotARepositoryError(RepositoryError):
    """There is no repository at that path, or already one."""


class DamagedError(RepositoryError):
    """The history is not one that this program wrote, or is not whole."""


class BusyError(RepositoryError):
    """Another process has been writing for too long; try again."""


class UnreachableError(RepositoryError):
    """Another repository cannot be asked; git has said why."""


class UnknownRevisionError(RepositoryError):
    """There is no such revision here."""


class UnknownPathError(RepositoryError):
    """There is no such file in that revision."""


class RefusedError(RepositoryError):
    """A change breaks the rules; `problems` has every reason."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(_listed(problem.sentence() for problem in self.problems))


class TextError(RepositoryError):
    """Author, message, key or time of a commit cannot be kept."""


class NothingChangedError(RepositoryError):
    """The newest revision already says what the change says."""


@dataclass(frozen=True, slots=True)
class Sides:
    """The content of a file on each side of a merge; None: not there."""

    base: bytes | None
    """In the revision the change was made to."""
    ours: bytes | None
    """What the change says."""
    theirs: bytes | None
    """In the newest revision."""


class ConflictError(RepositoryError):
    """Others changed the same lines since; `paths` has all sides. Nothing was committed."""

    def __init__(self, base: int, head: int, paths: Mapping[str, Sides]) -> None:
        self.base = base
        self.head = head
        self.paths = dict(paths)
        names = _listed(self.paths)
        way = f"pull r{head}, merge and commit again"
        super().__init__(f"changed both here and since r{base}: {names}; {way}")


class DivergedError(RepositoryError):
    """Two histories have revisions that the other lacks; neither was changed."""


class OutOfStepError(RepositoryError):
    """A pack is for another state of this replica; ask for one since its newest revision."""


class PackRefusedError(RepositoryError):
    """A pack is cut short, spoilt or lacks something; nothing was changed."""


def _listed(sentences: Iterable[str]) -> str:
    every = list(sentences)
    more = len(every) - SHOWN
    return "; ".join(every[:SHOWN]) + (f"; and {more} more" if more > 0 else "")
