"""Packs for replicas, made once and handed out in parts: nodes mostly lack the same.

A pack is a nameless file beside the repository, so that a death leaves nothing behind. Another
process, or the same one later, may have to make it anew, with other bytes: then the node's replica
refuses the whole, and asks again from the beginning.
"""

import os
import tempfile
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import IO

from cluster_admin.configs.orders import Head, Part
from workers.config.core.messages import PART_BYTES
from workers.repository.repository import Repository

KEPT = 8
"""Packs on the disk at once."""


@dataclass(frozen=True, slots=True)
class _Pack:
    head: Head
    file: IO[bytes]
    size: int


class Shelf:
    """The packs of one repository; any number of threads may ask for parts."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._packs: OrderedDict[tuple[str, str], _Pack] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._packs)

    def part(self, since: str, wanted: str = "", offset: int = 0) -> Part:
        """At most `PART_BYTES` of a pack from commit `since` to `wanted`, from `offset` on.

        A pack to `wanted` that is no longer here gives way to the first part of one to the newest
        revision. Raises `DivergedError` when `since` is no revision here, `RepositoryError`.
        """
        with self._lock:
            pack = self._packs.get((since, wanted))
            if pack is None:
                head = head_of(self._repository)
                offset = offset if wanted == head.commit else 0
                if head.commit == since:
                    return Part(since, head)
                pack = self._packs.get((since, head.commit)) or self._made(since, head)
            self._packs[since, pack.head.commit] = pack
            self._packs.move_to_end((since, pack.head.commit))
            while len(self._packs) > KEPT:
                self._packs.popitem(last=False)[1].file.close()
            offset = offset if 0 <= offset < pack.size else 0
            data = os.pread(pack.file.fileno(), PART_BYTES, offset)
            return Part(since, pack.head, offset, data, pack.size)

    def _made(self, since: str, head: Head) -> _Pack:
        """Leads to `head` at least: what is committed meanwhile may be in it too."""
        # The shelf keeps it open.
        file = tempfile.TemporaryFile(dir=self._repository.directory.parent)  # noqa: SIM115
        try:
            self._repository.pack_since(since or None, file)
            return _Pack(head, file, os.fstat(file.fileno()).st_size)
        except BaseException:
            file.close()
            raise


def head_of(repository: Repository) -> Head:
    """Its newest revision."""
    newest = repository.head()
    return Head() if newest is None else Head(newest.number, newest.hash)
