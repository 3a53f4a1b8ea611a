"""The trees on a node's disk: each complete, immutable by custom, and with its manifest.

    trees/<revision>-<hash>/files/...        what the MTA reads through `current`
    trees/<revision>-<hash>/manifest.json

Invariant: a directory with a tree's name is complete and on the disk. What is being written ends in
`.partial`, what is being removed in `.gone`; a death leaves these for `tidy`.
"""

import contextlib
import os
import shutil
from collections.abc import Callable, Collection
from pathlib import Path

import msgspec
from msgspec.structs import replace

from workers.config.core.manifests import (
    Drift,
    DriftKind,
    Manifest,
    Rendered,
    drift,
    revision_in,
    tree_name,
)
from workers.config.core.reports import Result
from workers.config.errors import StateError
from workers.config.scanning import scan
from workers.files import durable

FILES, MANIFEST = "files", "manifest.json"
PARTIAL, GONE = ".partial", ".gone"
Build = Callable[[Path], Result]
"""Builds in a directory of files what belongs to them."""
COPIES_MAX = 1_000
MANIFEST_BYTES_MAX = 64 << 20


class Trees:
    """The directory `trees` of a node; one process at a time changes it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def files(self, name: str) -> Path:
        """Where the files of a tree are."""
        return self.directory / name / FILES

    def target(self, name: str) -> str:
        """What `current`, which stands beside `trees`, points at for a tree."""
        return f"{self.directory.name}/{name}/{FILES}"

    def named_by(self, target: str) -> str | None:
        """The tree that such a link names; None when it leads elsewhere."""
        parts = target.rstrip("/").split("/")
        good = len(parts) == 3 and (parts[0], parts[2]) == (self.directory.name, FILES)
        return parts[1] if good and revision_in(parts[1]) is not None else None

    def manifest(self, name: str) -> Manifest | None:
        """What a tree was when it was written; None when that cannot be read."""
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            with (self.directory / name / MANIFEST).open("rb") as file:
                content = file.read(MANIFEST_BYTES_MAX)
            return msgspec.json.decode(content, type=Manifest)
        return None

    def drift(self, name: str) -> tuple[Drift, ...]:
        """What was changed in a tree since; raises `StateError` or `OSError`."""
        return drift(self.manifest(name), scan(self.files(name)))

    def place_for(self, manifest: Manifest) -> tuple[str, bool]:
        """The name for a tree, and whether it is there already, without a change."""
        for copy in range(COPIES_MAX):
            name = tree_name(manifest, copy)
            if not (self.directory / name).exists():
                return name, False
            found = self.manifest(name)
            same = found is not None and replace(found, built=()) == manifest
            if same and not self.drift(name):
                return name, True
        raise FileExistsError(f"{tree_name(manifest)} is there {COPIES_MAX} times; remove some")

    def stage(self, name: str, manifest: Manifest, rendered: Rendered, build: Build) -> Result:
        """Write a tree, let the server's tools build what belongs to it, bring it to the disk.

        If that fails, or raises `OSError`, no tree is left.
        """
        partial = self.directory / f"{name}{PARTIAL}"
        _remove(partial)
        staged = False
        try:
            durable.make_directory(partial)
            durable.make_directory(partial / FILES)
            self._write(partial / FILES, manifest, rendered)
            result = build(partial / FILES)
            if not result.good:
                return result
            complete = _with_built(manifest, partial / FILES)
            durable.write(partial / MANIFEST, msgspec.json.encode(complete), 0o644)
            durable.settle_all(partial)
            durable.rename(partial, self.directory / name)
            staged = True
            return result
        finally:
            if not staged:
                with contextlib.suppress(OSError):
                    _remove(partial)

    def _write(self, files: Path, manifest: Manifest, rendered: Rendered) -> None:
        made = {files}
        for entry in manifest.entries:
            path = files / entry.path
            for place in reversed(path.parents):
                if files in place.parents and place not in made:
                    durable.make_directory(place)
                    made.add(place)
            durable.write(path, rendered[entry.path][0], entry.mode)

    def touch(self, name: str) -> None:
        """Say that a tree was used now: the trees used last are kept."""
        os.utime(self.directory / name)

    def names(self) -> list[str]:
        """All trees, the one used last first."""
        found = [path for path in self.directory.iterdir() if revision_in(path.name) is not None]
        found.sort(key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True)
        return [path.name for path in found]

    def spare(self, keep: Collection[str], count: int) -> list[str]:
        """The trees to remove, the oldest first: not among `keep`, nor the `count` used last."""
        names = self.names()
        return [name for name in reversed(names[count:]) if name not in keep]

    def remove(self, name: str) -> None:
        """Remove a tree; at no instant a part of it has its name."""
        gone = self.directory / f"{name}{GONE}"
        _remove(gone)
        if (self.directory / name).exists():
            durable.rename(self.directory / name, gone)
            _remove(gone)

    def tidy(self) -> None:
        """Remove what a death left unfinished."""
        for path in self.directory.iterdir():
            if path.name.endswith((PARTIAL, GONE)):
                _remove(path)


def _with_built(manifest: Manifest, files: Path) -> Manifest:
    """The manifest with what was built, which is brought to the disk here."""
    found = scan(files)
    built = []
    for one in drift(manifest, found):
        entry = found.get(one.path)
        if one.kind is not DriftKind.ADDED or entry is None or entry.kind != "file":
            raise StateError(f"{one.path}: building the tree may only add plain files to it")
        durable.settle_file(files / one.path)
        built.append(entry)
    return replace(manifest, built=tuple(built))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
