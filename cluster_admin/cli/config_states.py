"""What a working copy knows of itself: its manager, its base revision, and each file of that.

It is one JSON document, `.muster/state.json`. Nothing here does I/O.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

import msgspec

from workers.repository.core.merge import Version
from workers.repository.core.paths import path_refusal

Files = Mapping[str, Version]
"""What is at each path; paths are those of the repository."""


class Choice(StrEnum):
    """What becomes of a file that was changed here and there, and cannot be merged."""

    MINE = "mine"
    """It stays as it is here; the next commit puts it over theirs."""
    THEIRS = "theirs"
    """It becomes theirs; what was changed here is given up."""
    MANUAL = "manual"
    """It stays, with the other sides beside it, until `resolve`."""


class Pull(msgspec.Struct, frozen=True, kw_only=True):
    """A pull under way: written before the first file is touched, gone after the last."""

    revision: int
    commit: str
    choice: Choice | None = None
    theirs: dict[str, Version | None]
    """What the pulled revision has, for each path where it differs from the base."""
    results: dict[str, Version | None]
    """What the disk shall have there; None: nothing."""
    conflicts: tuple[str, ...] = ()


class State(msgspec.Struct, frozen=True, kw_only=True):
    """A working copy, apart from the files themselves."""

    format: Literal[1] = 1
    url: str
    """The manager's address, without /api/v1."""
    under: tuple[str, ...] = ()
    """The directories of the repository that it has; none: all of them."""
    revision: int = 0
    """The base: what was changed here was changed from this revision; 0 is empty."""
    commit: str = ""
    """The base's hash, which tells another history with the same numbers."""
    files: dict[str, Version] = {}
    """The files of the base."""
    conflicts: dict[str, tuple[str, ...]] = {}
    """Files to be resolved, with the sides that stand beside each: base, mine, theirs."""
    leftovers: tuple[str, ...] = ()
    """Sides of conflicts that have ended, which are to be removed."""
    key: str = ""
    """Part of the keys of commits: a repeated commit is made once. New after each."""
    pulling: Pull | None = None

    def has(self, path: str) -> bool:
        """Whether a path of the repository is in this working copy."""
        return not self.under or any(
            path == each or path.startswith(f"{each}/") for each in self.under
        )


def encode(state: State) -> bytes:
    """As it is kept."""
    return msgspec.json.encode(state)


def decode(document: bytes) -> State:
    """Read what is kept; raises ValueError when it is not what `encode` made."""
    state = msgspec.json.decode(document, type=State)
    pulled = state.pulling.results if state.pulling else {}
    for path in (*state.files, *pulled, *state.conflicts, *state.leftovers):
        if path_refusal(path):
            raise ValueError(f"{path!r} is no path of the repository")
    return state


def settled(state: State, local: Files) -> Files:
    """The base of each file, which is the pulled revision where a pull had come to it."""
    pull = state.pulling
    if pull is None:
        return state.files
    base = dict(state.files)
    for path, result in pull.results.items():
        if path in pull.conflicts or local.get(path) != result:
            continue
        theirs = pull.theirs[path]
        if theirs is None:
            base.pop(path, None)
        else:
            base[path] = theirs
    return base
