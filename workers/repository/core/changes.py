"""A change of the configuration: what it says of each path, and why it may be refused as a whole.

Contents are bytes and are kept as they are: binary, CRLF, any encoding. Invariants: what passes
leaves a tree within the bounds, whose paths all pass `paths`, that differs from the one before.
What was in the tree before a rule came is left alone until somebody writes it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from workers.repository.core.paths import Known, PathRefusal, folded, path_refusal

FILE_BYTES = 10 * 1024 * 1024
TREE_BYTES = 1024 * 1024 * 1024
TREE_FILES = 100_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One file as it shall be."""

    content: bytes
    executable: bool = False


Changes = Mapping[str, Entry | None]
"""What each path shall be; None: deleted. Paths that are not named stay as they are."""
Sizes = Mapping[str, int]
"""The bytes of each file of a tree."""


class ChangeRefusal(Enum):
    """Why a change is refused, as what follows the path, if it is about one, in a sentence."""

    EMPTY = "the change names no file; name at least one"
    ABSENT = "is to be deleted but is not in the tree; leave it out of the change"
    FILE_TOO_LARGE = f"is larger than {FILE_BYTES} bytes; keep it elsewhere or divide it"
    TOO_MANY_FILES = f"the tree would have more than {TREE_FILES} files; delete some first"
    TREE_TOO_LARGE = f"the tree would be larger than {TREE_BYTES} bytes; delete some files first"


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason to refuse a change; without a path it is about the whole."""

    path: str
    refusal: PathRefusal | ChangeRefusal

    def sentence(self) -> str:
        """The reason for people; a path that cannot be printed is escaped."""
        shown = self.path.encode("utf-8", "backslashreplace").decode()
        shown = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in shown)
        return f"{shown}: {self.refusal.value}" if self.path else self.refusal.value


def problems(changes: Changes, tree: Sizes, known: Known | None = None) -> Iterator[Problem]:
    """Every reason why this change may not be made to this tree, by path; none: it may."""
    if not changes:
        yield Problem("", ChangeRefusal.EMPTY)
    written = {path: entry for path, entry in sorted(changes.items()) if entry is not None}
    for path, entry in sorted(changes.items()):
        if entry is None:
            if path not in tree:
                yield Problem(path, ChangeRefusal.ABSENT)
        elif refusal := path_refusal(path, known):
            yield Problem(path, refusal)
        elif len(entry.content) > FILE_BYTES:
            yield Problem(path, ChangeRefusal.FILE_TOO_LARGE)
    result = {path: size for path, size in tree.items() if path not in changes}
    result.update({path: len(entry.content) for path, entry in written.items()})
    yield from _clashes([path for path in written if path not in tree], result)
    if len(result) > TREE_FILES and len(result) > len(tree):
        yield Problem("", ChangeRefusal.TOO_MANY_FILES)
    size = sum(result.values())
    if size > TREE_BYTES and size > sum(tree.values()):
        yield Problem("", ChangeRefusal.TREE_TOO_LARGE)


def _clashes(added: list[str], result: Sizes) -> Iterator[Problem]:
    """Of the paths that are new: those that cannot stand beside another of the result."""
    if not added:
        return
    directories = _directories(result)
    spellings: dict[str, set[str]] = {}
    for name in (*directories, *result):
        spellings.setdefault(folded(name), set()).add(name)
    for path in added:
        if path in directories or any(parent in result for parent in _parents(path)):
            yield Problem(path, PathRefusal.FILE_AND_DIRECTORY)
        elif any(len(spellings[folded(name)]) > 1 for name in (path, *_parents(path))):
            yield Problem(path, PathRefusal.CASE)


def _directories(paths: Sizes) -> set[str]:
    found: set[str] = set()
    for path in paths:
        for parent in _parents(path):
            if parent in found:
                break
            found.add(parent)
    return found


def _parents(path: str) -> Iterator[str]:
    """The directories a path is in, the nearest first."""
    end = path.rfind("/")
    while end > 0:
        path = path[:end]
        yield path
        end = path.rfind("/")
