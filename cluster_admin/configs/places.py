"""Directories and subclusters made like others: what that changes, and where histories go on.

Values in, values out. A copy that keeps its history says so at the end of its message:

    Copied-from: staging@r12

so that git alone knows it, on every replica. Whoever writes such a line by hand hides nothing: a
history goes on elsewhere only where it would otherwise end (`places_history`).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cluster_admin.configs import members
from cluster_admin.configs.refusals import Problem, Refused
from cluster_admin.inventory.fields import WORD
from workers.repository.core.changes import Changes, Entry
from workers.repository.core.paths import DEFAULT
from workers.repository.trees import File, Listing

_ORIGIN = re.compile(r"^Copied-from: ([a-z][a-z0-9_-]{0,62})@r([1-9][0-9]{0,14})$", re.MULTILINE)
Wanted = Mapping[str, File | None]
"""What each path shall be; None: gone."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A change to revision `base`, made of what a subcluster was at `revision`."""

    base: int
    revision: int
    changes: Changes
    message: str
    """Unless somebody says more."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What a subcluster was copied from: another one, as it was at a revision."""

    subcluster: str
    revision: int


def name_refusal(name: str) -> str:
    """Why no subcluster can be called so, as a sentence; empty: one can."""
    if sentence := members.reserved_refusal(name):
        return sentence
    if WORD.regex.search(name) is None:  # type: ignore[union-attr]
        return f"no subcluster can be called {name}: that is {WORD.message}"
    return ""


def refused(sentence: str) -> Refused:
    """A refusal that is about no file."""
    return Refused([Problem("", 0, "", sentence)])


def holds(tree: Listing, directory: str) -> bool:
    """Whether a directory has files that can be copied."""
    return any(
        path.startswith(f"{directory}/") and not members.subcluster_of(path) for path in tree
    )


def mirrored(
    origin: Listing, tree: Listing, source: str, target: str, *, merge: bool = False
) -> Wanted:
    """What makes the directory `target` of `tree` what `source` is in `origin`.

    `merge`: what only `target` has stays. Files that define a subcluster are not copied: they name
    it.
    """
    shall = {
        f"{target}/{path[len(source) + 1 :]}": file
        for path, file in origin.items()
        if path.startswith(f"{source}/") and not members.subcluster_of(path)
    }
    found: dict[str, File | None] = {
        path: file for path, file in shall.items() if tree.get(path) != file
    }
    if not merge:
        gone = (path for path in tree if path.startswith(f"{target}/") and path not in shall)
        found |= {path: None for path in gone if not members.subcluster_of(path)}
    return found


def entries(wanted: Wanted, read: Callable[[str], bytes]) -> dict[str, Entry | None]:
    """The same with contents; `read` gives that of a blob."""
    return {
        path: None if file is None else Entry(read(file.blob), file.executable)
        for path, file in wanted.items()
    }


def with_origin(message: str, origin: Origin) -> str:
    """A message that also says what was copied."""
    return f"{message.rstrip()}\n\nCopied-from: {origin.subcluster}@r{origin.revision}"


def origin_of(message: str) -> Origin | None:
    """What a message says was copied; None: nothing."""
    found = _ORIGIN.findall(message)
    return Origin(found[-1][0], int(found[-1][1])) if found else None


def path_before(path: str, origin: Origin) -> str:
    """Where a file or directory of a copy was in what it was copied from; empty: nowhere."""
    _, _, below = path.strip("/").partition("/")
    if not below:
        return f"{origin.subcluster}/{DEFAULT}"
    if below.partition("/")[0] == DEFAULT:
        return f"{origin.subcluster}/{below}"
    return ""
