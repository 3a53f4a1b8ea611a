"""Numbers of mail for tests, kept as a collector keeps them."""

import time
from pathlib import Path

from workers.maillog.core.counted import counted_as
from workers.maillog.core.happenings import Happening, Kind
from workers.maillog.core.tally import Tally
from workers.maillog.counts import Counts, Progress

HOSTILE = "<script>alert(1)</script>"


class MailNumbers:
    """Made in a directory; each call of `keep` is another piece of a log."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "mail.sqlite3"
        self._counts = Counts(self.path)
        self._known = Progress()

    def keep(
        self,
        at: float,
        kind: Kind,
        count: int,
        *,
        node: str = "mta1",
        subcluster: str = "default",
        domain: str = "example.org",
        client: str = "192.0.2.1",
    ) -> None:
        """So many of a kind at that time."""
        tally = Tally()
        told = counted_as(Happening(kind=kind, at="", recipient=f"a@{domain}", address=client))
        assert told is not None
        for _ in range(count):
            tally.add(told, at, subcluster, node)
        new = Progress(self._known.position + 1)
        assert self._counts.keep("log", self._known, new, tally, time.time())
        self._known = new

    def fresh(self, at: float) -> None:
        """All is counted."""
        self._counts.counted(at)

    def close(self) -> None:
        """Let go."""
        self._counts.close()
