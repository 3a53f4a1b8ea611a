"""What a node keeps on its disk: its incarnation, and the definitions it may act on.

Invariants: an incarnation is on the disk before it is used, and never used twice; the last good
definitions survive a file that is cut short or spoilt; their revision never goes back, and one
revision never means two things. The state directory belongs to one process at a time.
"""

import contextlib
import os
from pathlib import Path

from workers.failover.core.definitions import Definitions
from workers.failover.core.definitions_text import (
    FIRST_LINE,
    LIMIT_BYTES,
    DefinitionsError,
    parse,
    render,
)
from workers.failover.errors import FailoverError
from workers.failover.files import FileError, lock, replace, replace_if

DEFINITIONS = "definitions.toml"
"""In the state directory: what an operator, the manager or a peer puts here is acted on."""
DEFINITIONS_LOCK = "definitions.lock"
"""Held by whoever replaces that file, from the look at the old one on."""

Stamp = tuple[int, int, int]
Found = tuple[Definitions, str]
"""Good definitions, and their text."""


class StoreError(FailoverError):
    """The state directory cannot be used."""


class Store:
    """The state directory of one node."""

    newest: Definitions
    """The newest good definitions, once `load` found some."""

    def __init__(self, directory: Path, cluster: str, subcluster: str) -> None:
        self.file = directory / DEFINITIONS
        self.problem = ""
        """Why `file` is not used, as one sentence; empty when it is."""
        self.text = ""
        """The canonical text of the newest good definitions."""
        self._writers = directory / DEFINITIONS_LOCK
        self._good = directory / "definitions.last-good.toml"
        self._incarnation = directory / "incarnation"
        self._belongs = (cluster, subcluster)
        self._seen: Stamp | None = None
        self._unsettled: Stamp | None = None
        try:
            directory.mkdir(mode=0o755, parents=True, exist_ok=True)
            self._lock = lock(directory / "lock")
        except BlockingIOError:
            way = "stop it first, or give this one a state_directory of its own"
            raise StoreError(f"{directory}: another agent is using it; {way}") from None
        except OSError as error:
            sentence = f"{directory}: cannot be used: {error.strerror}; set state_directory"
            raise StoreError(sentence) from error

    def close(self) -> None:
        """Let another process use the state directory."""
        os.close(self._lock)

    def next_incarnation(self) -> int:
        """Raise the counter and return it, once it is durable."""
        last = 0
        # A lost counter starts again: peers answer with the one they know, and the node jumps.
        with contextlib.suppress(OSError, ValueError):
            last = max(0, int(self._incarnation.read_text("ascii")[:20]))
        self.save_incarnation(last + 1)
        return last + 1

    def save_incarnation(self, incarnation: int) -> None:
        """Make an incarnation durable."""
        replace(self._incarnation, f"{incarnation}\n")

    def load(self) -> Definitions:
        """Read the newest good definitions at the start; `StoreError` when there are none."""
        found, problem = self._read(self.file)
        good, _ = self._read(self._good) if self._good.exists() else (None, "")
        if good is not None:
            self.newest, self.text = good
            self._use(found, problem)
        elif found is not None:
            self._keep(*found)
        else:
            raise StoreError(problem)
        return self.newest

    def changed(self) -> bool:
        """Whether the file was replaced or rewritten, and is no longer being written."""
        stamp = self._stamp()
        settled, self._unsettled = stamp == self._unsettled, stamp
        return settled and stamp != self._seen

    def reread(self) -> Definitions | None:
        """Read the file again; its definitions, once kept, if they are newer than the newest."""
        return self.newest if self._use(*self._read(self.file)) else None

    def put(self, text: str, sender: str) -> Definitions | None:
        """Keep definitions that a peer handed over, if they are good and newer."""
        try:
            definitions = self._checked(text, f"definitions handed over by {sender}")
        except DefinitionsError as error:
            self.problem = str(error)
            return None
        if definitions.revision <= self.newest.revision:
            return None
        self._keep(definitions, text)
        self._show()
        return definitions

    def _show(self) -> None:
        """Put what is kept into `file` too, for people; what is acted on does not wait for it."""
        # A file that changed since it was read is somebody's news, and waits to be read.
        unchanged = lambda: self._stamp() == self._seen  # noqa: E731
        try:
            if replace_if(self.file, self.text, self._writers, unchanged):
                self._seen = self._stamp()
                self.problem = ""
        except FileError as error:
            self.problem = str(error)

    def _keep(self, definitions: Definitions, text: str) -> None:
        """Make them durable; only then they are the newest."""
        canonical = text if text.startswith(FIRST_LINE) else render(definitions)
        replace(self._good, canonical)
        self.newest, self.text = definitions, canonical

    def _use(self, found: Found | None, problem: str) -> bool:
        """Keep what the file says if it is newer; whether it is."""
        if found is not None:
            problem = self._contradiction(found[0])
        self.problem = problem  # set once: the loop may read it at any time
        if found is None or found[0].revision <= self.newest.revision:
            return False
        self._keep(*found)
        return True

    def _contradiction(self, definitions: Definitions) -> str:
        """Why good definitions are not used although they differ from what is kept, if so."""
        theirs, ours = definitions.revision, self.newest.revision
        if theirs < ours:
            return (
                f"{self.file}: revision {theirs} is older than revision {ours}, which is acted on; "
                f"give it a revision above {ours}"
            )
        if theirs == ours and definitions != self.newest:
            return (
                f"{self.file}: it differs from the revision {ours} that is acted on; "
                f"give it a revision above {ours}"
            )
        return ""

    def _read(self, path: Path) -> tuple[Found | None, str]:
        """Parse a file; what is found, or None and why it is no good."""
        if path is self.file:
            self._seen = self._stamp()
        try:
            with path.open("rb") as file:
                text = file.read(LIMIT_BYTES + 1).decode("utf-8")
            return (self._checked(text, str(path)), text), ""
        except OSError as error:
            way = "put the definitions of the subcluster there"
            return None, f"{path}: cannot be read: {error.strerror}; {way}"
        except UnicodeDecodeError:
            return None, f"{path}: is not UTF-8 text; put the whole file back"
        except DefinitionsError as error:
            return None, str(error)

    def _checked(self, text: str, source: str) -> Definitions:
        definitions = parse(text, source)
        if (definitions.cluster, definitions.subcluster) != self._belongs:
            theirs = f"{definitions.cluster}/{definitions.subcluster}"
            ours = "/".join(self._belongs)
            way = "use the right file, or correct NODE.toml"
            raise DefinitionsError(source, 0, f"is for {theirs}, this node is in {ours}; {way}")
        return definitions

    def _stamp(self) -> Stamp | None:
        try:
            status = self.file.stat()
        except OSError:
            return None
        return (status.st_ino, status.st_mtime_ns, status.st_size)
