"""What a node keeps on its disk about its configuration: trees, edits, the journal, the live link.

    current              link to the files of the live tree: `trees/<tree>/files`
    current.next         what it becomes; exists for an instant
    current.before       what it was; turning back is one rename, that needs no room on the disk
    journal              see `core.applying.Journal`
    trees/ edits/ lock   see `staging`, `edits`, `locking`

Only who holds the lock changes anything here.
"""

import logging
import os
from pathlib import Path

import msgspec

from workers.config.core.applying import Journal, Live, journal_revision
from workers.config.core.manifests import Drift, revision_in
from workers.config.edits import Edits
from workers.config.errors import StateError
from workers.config.staging import Trees
from workers.files import durable

JOURNAL_BYTES_MAX = 1 << 18

log = logging.getLogger("muster")


class State:
    """The directory `<state>/config` of a node. Methods raise `StateError` or `OSError`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.current = directory / "current"
        self.trees = Trees(directory / "trees")
        self.edits = Edits(directory / "edits", self.trees)
        self._next = directory / "current.next"
        self._before = directory / "current.before"
        self._journal = directory / "journal"

    def make(self) -> None:
        """Make the directories, which the MTA must be able to read (the edits are root's)."""
        if self.edits.directory.is_dir():
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        for path in (self.directory, self.trees.directory):
            durable.make_directory(path)
        self.edits.directory.mkdir(mode=0o700, exist_ok=True)
        for path in (self.directory, self.directory.parent):
            durable.settle(path)

    def journal(self) -> Journal | None:
        """The journal; None when there is none or it is spoilt, which counts as settled."""
        try:
            with self._journal.open("rb") as file:
                return msgspec.json.decode(file.read(JOURNAL_BYTES_MAX), type=Journal)
        except FileNotFoundError:
            return None
        except msgspec.MsgspecError:
            log.error("configuration: %s is spoilt; what is live counts as good", self._journal)
            return None

    def write_journal(self, journal: Journal) -> None:
        """Replace the journal, durably."""
        durable.replace(self._journal, msgspec.json.encode(journal))

    def tree(self) -> str:
        """The tree that is live; "" when none is."""
        try:
            target = os.readlink(self.current)
        except FileNotFoundError:
            return ""
        except OSError as error:
            way = "move it away, it has to be a link that is made here"
            raise StateError(f"{self.current}: is no link; {way}") from error
        name = self.trees.named_by(target)
        if name is None:
            way = "remove it, it has to be a link that is made here"
            raise StateError(f"{self.current}: leads to {target}, which is no tree; {way}")
        return name

    def live(self) -> Live:
        """What is live, without a look at its files."""
        tree = self.tree()
        if not tree:
            return Live()
        manifest = self.trees.manifest(tree)
        revision = journal_revision(self.journal(), tree)
        if revision is None:
            revision = revision_in(tree) or 0
        return Live(revision, manifest.hash if manifest else "")

    def drift(self) -> tuple[Drift, ...]:
        """How people changed the live tree."""
        tree = self.tree()
        return self.trees.drift(tree) if tree else ()

    def switch(self, tree: str, previous: str) -> None:
        """Make a tree the live one; what is needed to turn back is laid ready first."""
        if previous:
            durable.link(self._before, self.trees.target(previous))
        durable.link(self._next, self.trees.target(tree))
        durable.rename(self._next, self.current)

    def restore(self, previous: str) -> None:
        """Make the tree before the live one again; "": make none live."""
        if not previous:
            self.current.unlink(missing_ok=True)
            durable.settle(self.directory)
            return
        if not self.trees.files(previous).is_dir():
            raise StateError(f"{self.trees.files(previous)}: the tree before is gone")
        if self.tree() == previous:
            return
        target = self.trees.target(previous)
        if not (self._before.is_symlink() and os.readlink(self._before) == target):
            durable.link(self._before, target)
        durable.rename(self._before, self.current)

    def tidy(self) -> None:
        """Remove what a death left unfinished, once the journal is settled."""
        for path in (self._next, self._before):
            path.unlink(missing_ok=True)
        self.trees.tidy()
        self.edits.tidy()
