"""Logs as a collector has them: kept by its store, indexed by its index, named by its template."""

import hashlib
import time
from pathlib import Path

from workers.logs.core import destination
from workers.logs.index import Index
from workers.logs.store import Piece, Store

TEMPLATE = "%Y/%m/%d/%{l}/%{s}/%{n}"


class Collected:
    """The files of a collector in a directory; close it at the end."""

    def __init__(self, directory: Path) -> None:
        self.template = f"{directory}/logs/{TEMPLATE}"
        self.index = directory / "state" / "index"
        self._index = Index(self.index)
        self._store = Store(directory / "state", wrote=self._index.add)

    def keep(
        self,
        node: str,
        text: str | bytes,
        *,
        subcluster: str = "default",
        log: str = "mail",
        at: float | None = None,
    ) -> Path:
        """More of a node's log arrives, now or `at` some seconds since 1970."""
        local = time.localtime(at)
        path = destination.parsed(self.template).path(
            log=log,
            subcluster=subcluster,
            node=node,
            format_time=lambda part: time.strftime(part, local),
        )
        segment = hashlib.md5(path.encode(), usedforsecurity=False).hexdigest()
        data = text.encode() if isinstance(text, str) else text
        offset = self._store.ledger.positions.get(segment, 0)
        self._store.keep([Piece(segment, offset, data, path)])
        return Path(path)

    def close(self) -> None:
        """Let go of the files."""
        self._store.close()


def stamp(seconds: float) -> str:
    """A time as syslog writes it, in the zone of this host."""
    return time.strftime("%b %e %H:%M:%S", time.localtime(seconds))


def mails(node: str, first: float, count: int, to: str = "") -> str:
    """All lines of so many messages, one a second; with `to` they are handed to that node."""
    lines = []
    for number in range(count):
        at = f"{stamp(first + number)} {node} postfix"
        name = f"{node[-1]}{number:09X}"
        relay = f"{to}[198.18.0.2]:25" if to else "mx.example.org[198.18.0.9]:25"
        lines += [
            f"{at}/smtpd[1]: {name}: client=c[198.18.0.1]",
            f"{at}/cleanup[1]: {name}: message-id=<m{number}@example.net>",
            f"{at}/smtp[1]: {name}: to=<u{number}@example.org>, relay={relay}, delay=1,"
            " delays=0/0/0/1, dsn=2.0.0, status=sent (250 ok)",
            f"{at}/qmgr[1]: {name}: removed",
        ]
    return "".join(f"{line}\n" for line in lines)
