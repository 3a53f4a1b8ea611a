"""Trees: every file of a revision with its size, and new trees made of old ones.

A tree never changes, so what was listed is kept: of the last few, since pages and commits ask for
the newest ones again and again.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pygit2
from pygit2.enums import FileMode, MergeFlag, ObjectType

from workers.repository.blobs import write_blobs
from workers.repository.core.changes import Changes
from workers.repository.core.paths import PATH_BYTES
from workers.repository.errors import DamagedError
from workers.repository.storage import as_taken

KEPT = 4
"""Listings in memory, at most; one of 10,000 files takes about 3 MB."""
_ALLOWED = (FileMode.BLOB, FileMode.BLOB_EXECUTABLE)


@dataclass(frozen=True, slots=True)
class File:
    """One file of a tree."""

    blob: str
    """The id of its content: 40 lower-case hexadecimal digits."""
    size: int
    """In bytes."""
    mode: int
    """0o100644, or 0o100755 for an executable file."""

    @property
    def executable(self) -> bool:
        """Whether it may be run."""
        return self.mode == FileMode.BLOB_EXECUTABLE


Listing = Mapping[str, File]
_NOTHING: Listing = MappingProxyType({})


class Trees:
    """The trees of one repository."""

    def __init__(self, directory: Path, git: pygit2.Repository) -> None:
        self._directory = directory
        self._git = git
        self._lock = threading.Lock()
        self._kept: OrderedDict[pygit2.Oid, Listing] = OrderedDict()

    def listing(self, tree: pygit2.Oid | None) -> Listing:
        """Every file by path, in git's order; of None: nothing."""
        if tree is None:
            return _NOTHING
        with self._lock:
            if tree in self._kept:
                self._kept.move_to_end(tree)
                return self._kept[tree]
            newest = next(reversed(self._kept.values()), _NOTHING)
        return self._keep(tree, MappingProxyType(list_tree(self._git, tree, newest)))

    def build(self, base: pygit2.Oid | None, changes: Changes) -> pygit2.Oid:
        """Write the tree that `changes` make of `base`, and its new contents."""
        index = pygit2.Index()
        if base is not None:
            index.read_tree(self._git[base].peel(pygit2.Tree))
        files = altered(self.listing(base), changes)
        # Deletions first: a directory may take the place of a file.
        for path in [path for path, entry in changes.items() if entry is None]:
            index.remove(as_taken(path))
        written = {path: entry for path, entry in changes.items() if entry is not None}
        write_blobs(self._directory, self._git, [entry.content for entry in written.values()])
        for path in written:
            blob, mode = pygit2.Oid(hex=files[path].blob), FileMode(files[path].mode)
            index.add(pygit2.IndexEntry(as_taken(path), blob, mode))
        tree = index.write_tree(self._git)
        self._keep(tree, files)
        return tree

    def merge_lines(self, base: str, theirs: str, ours: str) -> bytes | None:
        """Merge three contents by line, given by their ids; None when lines conflict."""
        before, other, mine = (self._single(blob) for blob in (base, theirs, ours))
        index = self._git.merge_trees(before, other, mine, flags=MergeFlag(0))
        if index.conflicts is not None:
            return None
        return self._git[index["file"].id].peel(pygit2.Blob).data

    def _single(self, blob: str) -> pygit2.Oid:
        builder = self._git.TreeBuilder()
        builder.insert("file", pygit2.Oid(hex=blob), FileMode.BLOB)
        return builder.write()

    def _keep(self, tree: pygit2.Oid, listing: Listing) -> Listing:
        with self._lock:
            self._kept[tree] = listing
            self._kept.move_to_end(tree)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return listing


def altered(listing: Listing, changes: Changes) -> Listing:
    """What `changes` make of a tree, worked out without writing anything."""
    files = {path: file for path, file in listing.items() if path not in changes}
    for path, entry in changes.items():
        if entry is not None:
            mode = FileMode.BLOB_EXECUTABLE if entry.executable else FileMode.BLOB
            files[path] = File(str(pygit2.hash(entry.content)), len(entry.content), int(mode))
    return MappingProxyType(files)


def list_tree(
    git: pygit2.Repository, tree: pygit2.Oid, like: Listing = _NOTHING
) -> dict[str, File]:
    """Read a tree; raises `DamagedError` for anything but files, such as symbolic links.

    Sizes of what is the same in the listing `like` need not be looked up.
    """
    files: dict[str, File] = {}
    odb = git.odb
    for path, blob, mode in _walk(git[tree].peel(pygit2.Tree), ""):
        same = like.get(path)
        if same is not None and same.blob == str(blob) and same.mode == mode:
            files[path] = same
            continue
        kind, size = odb.read_header(blob) if mode in _ALLOWED else (None, 0)
        if kind != ObjectType.BLOB:
            way = "only files are allowed: move main back to the revision before"
            raise DamagedError(f"{path} is no file in tree {tree}; {way}")
        files[path] = File(str(blob), size, int(mode))
    return files


def _walk(tree: pygit2.Tree, prefix: str) -> Iterator[tuple[str, pygit2.Oid, FileMode]]:
    """Path, blob and mode of each file below `prefix`, in git's order."""
    if len(prefix) > PATH_BYTES:
        raise DamagedError(f"{prefix[:60]}... is too deep; move main back to the revision before")
    for entry in tree:
        path = prefix + (entry.raw_name or b"").decode("utf-8", "surrogateescape")
        if isinstance(entry, pygit2.Tree):
            yield from _walk(entry, f"{path}/")
        else:
            yield path, entry.id, entry.filemode
