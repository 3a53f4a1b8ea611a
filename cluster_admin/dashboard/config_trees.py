"""The files of a revision as directories to browse, and what two revisions do not have alike.

A listing maps the path of each file to what the repository knows of it. Values in, values out.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol


class File(Protocol):
    """What the repository says of a file."""

    @property
    def blob(self) -> str:
        """The same for the same content."""

    @property
    def size(self) -> int:
        """In bytes."""

    @property
    def executable(self) -> bool:
        """Whether it may be run."""


Listing = Mapping[str, File]
Sees = Callable[[str], bool]
"""Whether the reader may see a path."""


@dataclass(slots=True)
class Row:
    """A line of a directory: a file, or a directory with all that is below it."""

    name: str
    path: str
    directory: bool
    size: int
    """In bytes; of a directory, of all files below."""
    files: int = 1
    executable: bool = False


@dataclass(frozen=True, slots=True)
class Changed:
    """A file that two revisions do not have alike."""

    path: str
    kind: str
    """added, changed, deleted or mode (only whether it may be run)."""


def rows_of(listing: Listing, under: str, sees: Sees) -> list[Row]:
    """What stands in a directory ("" is the top): directories first, each by name."""
    prefix = f"{under}/" if under else ""
    found: dict[str, Row] = {}
    for path, file in listing.items():
        if not path.startswith(prefix) or not sees(path):
            continue
        name, slash, _ = path[len(prefix) :].partition("/")
        row = found.get(name)
        if row is not None:
            row.size += file.size
            row.files += 1
        else:
            executable = file.executable and not slash
            found[name] = Row(name, prefix + name, bool(slash), file.size, 1, executable)
    return sorted(found.values(), key=lambda row: (not row.directory, row.name))


def changes(old: Listing, new: Listing) -> list[Changed]:
    """What became of each file, by path."""
    return sorted(_changes(old, new), key=lambda one: one.path)


def _changes(old: Listing, new: Listing) -> Iterator[Changed]:
    for path, file in new.items():
        before = old.get(path)
        if before == file:
            continue
        if before is None:
            yield Changed(path, "added")
        else:
            yield Changed(path, "mode" if before.blob == file.blob else "changed")
    for path in old:
        if path not in new:
            yield Changed(path, "deleted")


@dataclass(frozen=True, slots=True)
class Crumb:
    """A directory on the way to a path."""

    name: str
    path: str


def crumbs(path: str) -> list[Crumb]:
    """Every directory above a path, the top one first, and the path itself."""
    parts = path.split("/") if path else []
    return [Crumb(part, "/".join(parts[: n + 1])) for n, part in enumerate(parts)]
