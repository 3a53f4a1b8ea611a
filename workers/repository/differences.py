"""What differs between two trees, file by file, with the lines that do.

Running to proposed: the first tree is the one that is, the second the one that comes. Renames are
not guessed at. Bounds: `FILE_TEXT_BYTES` of text for each file, `TEXT_BYTES` for all; files beyond
are named without their lines.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

import pygit2
from pygit2.enums import DeltaStatus, FileMode

from workers.repository.storage import as_taken

FILE_TEXT_BYTES = 1024 * 1024
TEXT_BYTES = 8 * 1024 * 1024
CONTEXT_LINES = 3


class Kind(StrEnum):
    """What became of a file."""

    ADDED = "added"
    CHANGED = "changed"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Difference:
    """One file that is not the same on both sides."""

    path: str
    kind: Kind
    old_mode: int
    """0o100644 or 0o100755; 0 where there is no file. So for `new_mode`."""
    new_mode: int
    binary: bool
    """Whether either side is no text; then there is no `text`."""
    text: str
    """Unified diff; bytes that are not UTF-8 are replaced. Empty if only the mode differs."""
    cut: bool = False
    """Whether `text` is left out for its length."""


Contents = Mapping[str, tuple[bytes, bool]]
"""Path -> (content, whether it is executable)."""

_KINDS = {DeltaStatus.ADDED: Kind.ADDED, DeltaStatus.DELETED: Kind.DELETED}


def differences(
    git: pygit2.Repository,
    old: pygit2.Oid,
    new: pygit2.Oid,
    paths: Collection[str] | None = None,
) -> Iterator[Difference]:
    """The differences of two trees by path; of `paths` only, if given."""
    older, newer = (git[tree].peel(pygit2.Tree) for tree in (old, new))
    found = older.diff_to_tree(newer, context_lines=CONTEXT_LINES, interhunk_lines=0)
    left = TEXT_BYTES
    for number, delta in enumerate(found.deltas):
        path = delta.new_file.raw_path.decode("utf-8", "surrogateescape")
        if paths is not None and path not in paths:
            continue
        # The lines are only worked out for files that can be shown.
        patch = found[number] if left > 0 and not _is_huge(git, delta) else None
        binary = patch is not None and bool(patch.delta.is_binary)
        data = b"" if patch is None or binary else patch.data
        cut = patch is None or len(data) > FILE_TEXT_BYTES
        left -= 0 if cut else len(data)
        yield Difference(
            path=path,
            kind=_KINDS.get(delta.status, Kind.CHANGED),
            old_mode=int(delta.old_file.mode),
            new_mode=int(delta.new_file.mode),
            binary=binary,
            text="" if cut or not _has_lines(data) else data.decode("utf-8", "replace"),
            cut=cut,
        )


def of_contents(old: Contents, new: Contents, text_bytes: int = TEXT_BYTES) -> Iterator[Difference]:
    """The differences of two trees that are in memory, in the same form; so much text for all."""
    left = text_bytes
    for path in sorted(old.keys() | new.keys()):
        before, after = old.get(path), new.get(path)
        if before == after:
            continue
        was, shall = (None if one is None else one[0] for one in (before, after))
        huge = max(len(was or b""), len(shall or b"")) > 4 * FILE_TEXT_BYTES
        name = as_taken(path)
        patch = None
        if left > 0 and not huge:
            patch = pygit2.Patch.create_from(was, shall, name, name, context_lines=CONTEXT_LINES)
        binary = patch is not None and bool(patch.delta.is_binary)
        data = b"" if patch is None or binary else patch.data
        cut = patch is None or len(data) > FILE_TEXT_BYTES
        left -= 0 if cut else len(data)
        yield Difference(
            path=path,
            kind=Kind.ADDED if before is None else Kind.DELETED if after is None else Kind.CHANGED,
            old_mode=_mode(before),
            new_mode=_mode(after),
            binary=binary,
            text="" if cut or not _has_lines(data) else data.decode("utf-8", "replace"),
            cut=cut,
        )


def _mode(side: tuple[bytes, bool] | None) -> int:
    if side is None:
        return 0
    return int(FileMode.BLOB_EXECUTABLE if side[1] else FileMode.BLOB)


def _is_huge(git: pygit2.Repository, delta: pygit2.DiffDelta) -> bool:
    """Whether a side is so long that its lines are not compared."""
    sides = (delta.old_file, delta.new_file)
    return any(git.odb.read_header(s.id)[1] > 4 * FILE_TEXT_BYTES for s in sides if int(s.mode))


def _has_lines(patch: bytes) -> bool:
    return b"\n@@ " in patch
