"""What a manager is told of this node's own history: a pack of it, a bounded number of parts each.

The pack is a file without a name, made when it is asked for and dropped when its end was told; what
was lost on the way is asked for again.
"""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from workers.config.core.messages import HISTORY_BYTES, HISTORY_PARTS, Ask
from workers.repository.core.divergence import shared
from workers.repository.repository import Repository


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes from `offset` on of a pack of `size` bytes.

    The pack leads from the commit `since` (empty: from nothing) to `commit`.
    """

    since: str
    commit: str
    pack: bytes
    offset: int
    size: int


class OwnHistory:
    """Of one node. Not for several threads at once."""

    def __init__(self) -> None:
        self._led: tuple[str, str] = ("", "")
        self._file: IO[bytes] | None = None

    def pieces(self, repository: Repository, ask: Ask) -> Iterator[Piece]:
        """At most `HISTORY_PARTS` of what is asked for; raises `RepositoryError`, `OSError`."""
        head = repository.head()
        if head is None:
            return
        since = shared(ask.known, lambda commit: not repository.lacks(commit))
        if since == head.hash:
            return
        if self._file is None or self._led != (since, head.hash):
            self._make(repository, since, head.hash)
        file, size = self._file, self._size()
        at = ask.offset if ask.offset < size else 0
        for _ in range(HISTORY_PARTS):
            data = os.pread(file.fileno(), HISTORY_BYTES, at) if file else b""
            if not data:
                break
            yield Piece(since, head.hash, data, at, size)
            at += len(data)
        if at >= size:
            self.close()

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
        self._file = None

    def _make(self, repository: Repository, since: str, commit: str) -> None:
        self.close()
        self._file = tempfile.TemporaryFile(dir=repository.directory.parent)  # noqa: SIM115
        try:
            repository.pack_since(since or None, self._file)
        except BaseException:
            self.close()
            raise
        self._led = since, commit

    def _size(self) -> int:
        return 0 if self._file is None else os.fstat(self._file.fileno()).st_size
