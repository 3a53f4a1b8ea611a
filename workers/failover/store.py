"""What a node keeps on its disk: its incarnation, and the definitions it may act on.

Invariants: an incarnation is on the disk before it is used, and never used twice; the last good
definitions survive a file that is cut short or spoilt; their revision never goes back.
"""

import contextlib
import os
from pathlib import Path

from workers.failover.core.definitions import Definitions
from workers.failover.core.definitions_text import DefinitionsError, parse
from workers.failover.errors import FailoverError

_LIMIT_BYTES = 8 * 1024 * 1024


class StoreError(FailoverError):
    """The state directory cannot be used."""


class Store:
    """The state directory of one node."""

    def __init__(self, directory: Path, cluster: str, subcluster: str) -> None:
        self.file = directory / "definitions.toml"
        """What an operator, the manager or a peer puts here is acted on."""
        self.problem = ""
        """Why `file` is not used, as one sentence; empty when it is."""
        self._good = directory / "definitions.last-good.toml"
        self._incarnation = directory / "incarnation"
        self._belongs = (cluster, subcluster)
        self._seen: tuple[int, int, int] | None = None
        self.text = ""
        """The text of the newest good definitions."""
        try:
            directory.mkdir(mode=0o755, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"{directory}: cannot be made: {error.strerror}; set state_directory"
            ) from error

    def next_incarnation(self) -> int:
        """Raise the counter and return it, once it is durable."""
        last = 0
        with contextlib.suppress(OSError, ValueError):
            last = int(self._incarnation.read_text("ascii")[:20])
        self.save_incarnation(max(last, 0) + 1)
        return max(last, 0) + 1

    def save_incarnation(self, incarnation: int) -> None:
        """Make an incarnation durable."""
        _write(self._incarnation, f"{incarnation}\n")

    def load(self) -> Definitions:
        """Read the newest good definitions at the start; `StoreError` when there are none."""
        found = [self._read(self.file)]
        if self.problem or self._good.exists():
            problem = self.problem
            found.append(self._read(self._good))
            self.problem = problem
        usable = [pair for pair in found if pair is not None]
        if not usable:
            raise StoreError(self.problem or f"{self.file}: there are no definitions")
        definitions, self.text = max(usable, key=lambda pair: pair[0].revision)
        if found[0] is not None and found[0][0].revision < definitions.revision:
            self.problem = self._older(found[0][0].revision, definitions.revision)
        self._keep()
        return definitions

    def poll(self, known: int) -> Definitions | None:
        """Definitions newer than revision `known` that appeared in the file, or None."""
        if self._stamp() == self._seen:
            return None
        found = self._read(self.file)
        if found is None:
            return None
        definitions, text = found
        if definitions.revision <= known:
            older = definitions.revision < known
            self.problem = self._older(definitions.revision, known) if older else ""
            return None
        self.text = text
        self._keep()
        return definitions

    def put(self, text: str, known: int) -> Definitions | None:
        """Keep definitions that a peer handed over, if they are good and newer than `known`."""
        try:
            definitions = self._checked(text, self.file.name)
        except DefinitionsError:
            return None
        if definitions.revision <= known:
            return None
        _write(self.file, text)
        self._seen, self.problem, self.text = self._stamp(), "", text
        self._keep()
        return definitions

    def _keep(self) -> None:
        _write(self._good, self.text)

    def _read(self, path: Path) -> tuple[Definitions, str] | None:
        """Parse a file; None, with `problem` set, when it is no good."""
        if path is self.file:
            self._seen = self._stamp()
        self.problem = ""
        try:
            with path.open("rb") as file:
                text = file.read(_LIMIT_BYTES).decode("utf-8")
            return self._checked(text, path.name), text
        except OSError as error:
            self.problem = f"{path}: cannot be read: {error.strerror}"
        except UnicodeDecodeError:
            self.problem = f"{path}: is not UTF-8 text"
        except DefinitionsError as error:
            self.problem = str(error)
        return None

    def _checked(self, text: str, source: str) -> Definitions:
        definitions = parse(text, source)
        if (definitions.cluster, definitions.subcluster) != self._belongs:
            theirs = f"{definitions.cluster}/{definitions.subcluster}"
            raise DefinitionsError(
                source, 0, f"is for {theirs}, this node is in {'/'.join(self._belongs)}"
            )
        return definitions

    def _older(self, revision: int, known: int) -> str:
        return f"{self.file}: revision {revision} is older than revision {known}, which is acted on"

    def _stamp(self) -> tuple[int, int, int] | None:
        try:
            status = self.file.stat()
        except OSError:
            return None
        return (status.st_ino, status.st_mtime_ns, status.st_size)


def _write(path: Path, text: str) -> None:
    """Replace a file whole and durably."""
    temporary = path.with_name(path.name + ".new")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror}") from error
