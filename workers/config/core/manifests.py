"""Manifests: what a tree of files consists of, under which name it is kept, and how it drifted.

A rendered tree maps relative paths to (content, executable). Its hash says the same on every node
and on the manager, since neither the revision nor a time goes into it. No files are touched here.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum

import msgspec

FORMAT = 1
FILES_MAX = 20_000
TREE_BYTES_MAX = 512 << 20
PATH_BYTES_MAX = 1_024
NAME_BYTES_MAX = 255
"""What Linux allows for one name in a directory."""
FILE_MODE, EXECUTABLE_MODE, PRIVATE_MODE, LINK_MODE = 0o644, 0o755, 0o700, 0o777
HASH_SHOWN = 16
"""Hexadecimal digits of the hash that are part of a tree's name."""
_NAME = re.compile(r"([0-9]{1,15})-([0-9a-f]{16})(?:\.([0-9]{1,6}))?")

Rendered = Mapping[str, tuple[bytes, bool]]
"""A tree as templates make it: relative path -> (content, whether it is executable)."""


class Entry(msgspec.Struct, frozen=True):
    """One file. `sha256` is hexadecimal; of a link it is that of the target's name."""

    path: str
    size: int
    sha256: str
    mode: int
    kind: str = "file"
    """file or link; other for what is neither and is not read."""


class Manifest(msgspec.Struct, frozen=True):
    """All files of a tree in the order of their paths. The hash is that of `entries`."""

    revision: int
    hash: str
    entries: tuple[Entry, ...]
    built: tuple[Entry, ...] = ()
    """What the server's own tools made of them on this node, such as compiled maps."""
    format: int = FORMAT


class DriftKind(StrEnum):
    """How a path of the live tree differs from what was applied."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"
    MODE = "mode"
    """The content is the same, the permissions are not."""


class Drift(msgspec.Struct, frozen=True):
    """One path that differs."""

    path: str
    kind: DriftKind


def manifest_of(revision: int, rendered: Rendered, private: Collection[str] = ()) -> Manifest:
    """What a rendered tree will be on the disk; `private` paths are for their owner alone."""
    entries = tuple(
        Entry(
            path=path,
            size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            mode=(EXECUTABLE_MODE if executable else FILE_MODE)
            & (PRIVATE_MODE if path in private else EXECUTABLE_MODE),
        )
        for path, (content, executable) in sorted(rendered.items())
    )
    return Manifest(revision, digest(entries), entries)


def digest(entries: Iterable[Entry]) -> str:
    """Hexadecimal SHA-256 over the files in the order given."""
    total = hashlib.sha256()
    for one in entries:
        total.update(f"{one.kind} {one.mode:o} {one.size} {one.sha256} {one.path}\0".encode())
    return total.hexdigest()


def objection(rendered: Rendered) -> str:
    """Why a rendered tree cannot be put on a disk, as one sentence; "" when it can."""
    if not rendered:
        return "the tree has no files; give this node at least one"
    if len(rendered) > FILES_MAX:
        return f"the tree has {len(rendered)} files, at most {FILES_MAX} are applied; divide it"
    size = sum(len(content) for content, _ in rendered.values())
    if size > TREE_BYTES_MAX:
        return f"the tree has {size} bytes, at most {TREE_BYTES_MAX} are applied; divide it"
    for path in rendered:
        if sentence := _path_objection(path):
            return f"{path!r:.200} {sentence}"
    for path in sorted(rendered):
        for end in (i for i, letter in enumerate(path) if letter == "/"):
            if path[:end] in rendered:
                return f"{path[:end]!r} is a file and the directory of {path!r}; rename one"
    return ""


def _path_objection(path: str) -> str:
    try:
        size = len(path.encode())
    except UnicodeEncodeError:
        return "is no UTF-8 text; rename it"
    if size > PATH_BYTES_MAX:
        return f"is longer than {PATH_BYTES_MAX} bytes; rename it"
    if not path.isprintable():
        return "has control characters; rename it"
    parts = path.split("/")
    if any(part in ("", ".", "..") for part in parts):
        return "leads out of the tree or is not in its plain form; rename it"
    if any(len(part.encode()) > NAME_BYTES_MAX for part in parts):
        return f"has a part longer than {NAME_BYTES_MAX} bytes; rename it"
    return ""


def tree_name(manifest: Manifest, copy: int = 0) -> str:
    """The directory of a tree; further copies of the same tree have a number at the end."""
    name = f"{manifest.revision}-{manifest.hash[:HASH_SHOWN]}"
    return f"{name}.{copy}" if copy else name


def revision_in(name: str) -> int | None:
    """The revision that a tree's name begins with; None when it is no tree's name."""
    match = _NAME.fullmatch(name)
    return int(match[1]) if match else None


def drift(manifest: Manifest | None, found: Mapping[str, Entry]) -> tuple[Drift, ...]:
    """How files that were found differ, in the order of paths; all are added without a manifest."""
    known = {one.path: one for one in (*manifest.entries, *manifest.built)} if manifest else {}
    kinds = ((path, _kind(known.get(path), found.get(path))) for path in {*known, *found})
    return tuple(sorted((Drift(p, kind) for p, kind in kinds if kind), key=lambda d: d.path))


def _kind(known: Entry | None, found: Entry | None) -> DriftKind | None:
    if known == found:
        return None
    if known is None:
        return DriftKind.ADDED
    if found is None:
        return DriftKind.REMOVED
    same = (known.kind, known.sha256) == (found.kind, found.sha256)
    return DriftKind.MODE if same else DriftKind.CHANGED
