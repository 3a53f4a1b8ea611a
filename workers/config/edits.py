"""Local edits of trees, put aside before anything replaces or removes them: none is ever lost.

    edits/<time>-<tree>-<digest>/files/...   what was added or changed
    edits/<time>-<tree>-<digest>/drift.json  every path that differs, the removed ones too

The digest is that of the edits, so that the same edits of the same tree are saved once. The newest
`SETS_KEPT` sets are kept.
"""

import hashlib
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from workers.config.core.manifests import Drift, DriftKind, Entry, drift
from workers.config.errors import StateError
from workers.config.scanning import files_in, scan, shown
from workers.config.staging import FILES, GONE, PARTIAL, Trees
from workers.files import durable

SETS_KEPT = 200
SAVED_BYTES_MAX = 256 << 20
"""Of one set; something larger in a configuration directory is no edit."""
DIGEST_SHOWN = 12


class Edits:
    """The directory `edits` of a node; one process at a time changes it."""

    def __init__(self, directory: Path, trees: Trees) -> None:
        self.directory = directory
        self._trees = trees

    def save(self, tree: str) -> tuple[str, tuple[Drift, ...]]:
        """Put the edits of a tree aside: where they are ("" for none), and what differs.

        Raises `StateError` or `OSError`; then nothing may be done to the tree.
        """
        files = self._trees.files(tree)
        found = scan(files)
        differing = drift(self._trees.manifest(tree), found)
        if not differing:
            return "", ()
        changed = [found[one.path] for one in differing if one.kind is not DriftKind.REMOVED]
        suffix = f"{tree}-{_digest(differing, changed)}"
        for path in self.directory.iterdir():
            if path.name.partition("-")[2] == suffix:
                return path.name, differing
        size = sum(one.size for one in changed)
        if size > SAVED_BYTES_MAX:
            way = "move away what does not belong there"
            raise StateError(f"{files}: {size} bytes were added or changed, too many; {way}")
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{suffix}"
        self._copy(self.directory / name, files, differing, changed)
        self._prune()
        return name, differing

    def tidy(self) -> None:
        """Remove what a death left unfinished."""
        for path in self.directory.iterdir():
            if path.name.endswith((PARTIAL, GONE)):
                shutil.rmtree(path)

    def _copy(
        self, place: Path, files: Path, differing: tuple[Drift, ...], changed: list[Entry]
    ) -> None:
        partial = place.with_name(f"{place.name}{PARTIAL}")
        try:
            # What people wrote may be secret: root alone reads it here.
            partial.mkdir(mode=0o700)
            (partial / FILES).mkdir()
            wanted = {one.path: one for one in changed}
            for source in files_in(files):
                name = source.relative_to(files)
                if entry := wanted.get(shown(name)):
                    _copy_one(source, partial / FILES / name, entry)
            durable.write(partial / "drift.json", msgspec.json.encode(differing), 0o600)
            durable.settle_all(partial)
            durable.rename(partial, place)
        except OSError:
            shutil.rmtree(partial, ignore_errors=True)
            raise

    def _prune(self) -> None:
        for path in sorted(self.directory.iterdir())[:-SETS_KEPT]:
            gone = path.with_name(f"{path.name}{GONE}")
            path.replace(gone)
            shutil.rmtree(gone)


def _copy_one(source: Path, target: Path, entry: Entry) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        if entry.kind == "link":
            target.symlink_to(os.readlink(source))
        elif entry.kind == "file":
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            with os.fdopen(os.open(source, flags), "rb") as file:
                content = file.read(SAVED_BYTES_MAX)
            durable.write(target, content, entry.mode)
    except FileNotFoundError:
        return  # an editor's own file, gone since


def _digest(differing: tuple[Drift, ...], changed: list[Entry]) -> str:
    content = msgspec.json.encode([differing, changed])
    return hashlib.sha256(content).hexdigest()[:DIGEST_SHOWN]
