"""The newest definitions that a node's agent acts on, for the worker's steps beside it.

Invariant: a file that is no good, or older, changes nothing; what is wrong with it is logged once.
"""

import logging

from workers.failover.core.definitions import Definitions
from workers.failover.core.definitions_text import LIMIT_BYTES, DefinitionsError, parse
from workers.failover.settings import Settings
from workers.failover.store import DEFINITIONS

LAST_GOOD = "definitions.last-good.toml"
"""What the agent acts on as long as the file beside it is no good."""


class Defined:
    """Call it for the newest good definitions; None as long as there are none.

    `what` stays as it is while the file is no good: so it is said.
    """

    def __init__(self, settings: Settings, what: str, log: logging.Logger) -> None:
        self._directory = settings.state_directory
        self._belongs = (settings.cluster, settings.subcluster)
        self._what, self._log = what, log
        self._newest: Definitions | None = None
        self._seen: tuple[int, ...] = ()
        self._said = ""

    def __call__(self) -> Definitions | None:
        """Look at the file if it is another than at the last look."""
        stamp = self._stamp()
        if stamp != self._seen:
            self._seen = stamp
            problem = self._read(DEFINITIONS)
            if problem and self._newest is None:
                self._read(LAST_GOOD)
            if problem and problem != self._said:
                self._log.warning("%s; %s stays as it is", problem, self._what)
            self._said = problem
        return self._newest

    def _read(self, name: str) -> str:
        """Take what a file says, if it is good and newer; why not, if it is no good."""
        path = self._directory / name
        try:
            with path.open("rb") as file:
                found = parse(file.read(LIMIT_BYTES + 1).decode("utf-8"), str(path))
        except OSError as error:
            return f"{path}: cannot be read: {error.strerror}"
        except UnicodeDecodeError:
            return f"{path}: is not UTF-8 text; put the whole file back"
        except DefinitionsError as error:
            return str(error)
        if (found.cluster, found.subcluster) != self._belongs:
            return f"{path}: is for {found.cluster}/{found.subcluster}; use the right file"
        if self._newest is None or found.revision > self._newest.revision:
            self._newest = found
        return ""

    def _stamp(self) -> tuple[int, ...]:
        try:
            found = (self._directory / DEFINITIONS).stat()
        except OSError:
            return (0,)
        return (found.st_ino, found.st_mtime_ns, found.st_size)
