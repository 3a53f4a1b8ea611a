"""A node's replica of the configuration repository: it follows by the packs that orders bring.

A pack in parts is put together in a file without a name, which a death takes with it. A replica
whose disk rots is put aside, and begun anew. Invariants: a pack goes in whole or not at all; what
cannot go in has changed nothing, and what is wrong is one sentence until it is right; no revision
is given up unless an order names it, and none is deleted. One thread takes packs in; any may read.
"""

import contextlib
import logging
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from workers.config.core.messages import Order
from workers.config.core.orders import Parts
from workers.config.errors import StateError
from workers.config.replica_doctor import Doctor
from workers.repository.core.divergence import reached
from workers.repository.errors import NotARepositoryError, RepositoryError
from workers.repository.history import Revision
from workers.repository.repository import Repository

log = logging.getLogger("muster")


class Replica:
    """The replica in a directory, made when it is not there."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._repository: Repository | None = None
        self._head: Revision | None = None
        self._parts = Parts()
        self._file: IO[bytes] | None = None
        self._said = ""
        """The last trouble that was logged: it may come again and again."""
        self._doctor = Doctor(directory)
        self.trouble = ""
        """Why it cannot be used, or cannot go on; empty: nothing is wrong."""
        self.repaired = ""
        """Why one was put aside, and begun anew, in this run; empty: none was."""

    @property
    def newest(self) -> tuple[int, str]:
        """Number and commit of its newest revision; 0 and empty when it has none."""
        head = self._head
        return (head.number, head.hash) if head else (0, "")

    @property
    def is_damaged(self) -> bool:
        """Whether damage was found that nobody saw to yet."""
        return bool(self._doctor.found)

    @property
    def repository(self) -> Repository:
        """For reading; raises `StateError` while it cannot be opened."""
        if self._repository is None:
            raise StateError(self.trouble or f"{self._directory}: is not opened yet; try again")
        return self._repository

    def open(self) -> None:
        """Open it, or make it, and read its newest revision; what is wrong is `trouble`."""
        with self._told():
            if self._repository is None:
                self._repository = _opened(self._directory)
            self._head = self._repository.head()

    def take(self, order: Order, now: float) -> bool:
        """Take in what an order brings; whether a history was given up for it.

        `now` in seconds of a clock that only goes on.
        """
        self.open()
        before = self.newest[1]
        if self._repository is None or before != (order.reset or order.since):
            return False
        with self._told():
            if order.reset and order.since == order.commit:
                self._receive(self._repository, b"", order)
            elif order.pack and len(order.pack) == order.size:
                self._receive(self._repository, order.pack, order)
            elif order.pack and self._parts.take(order, now, order.reset):
                self._receive_part(self._repository, order)
        return bool(order.reset) and self.newest[1] != before

    def is_of(self, order: Order) -> bool:
        """Whether the numbers of an order mean what they mean here, as far as can be told."""
        with contextlib.suppress(RepositoryError):
            if self._repository is not None and self._repository.lacks(order.commit):
                return not order.reset and self.newest[0] < order.head
        return True

    def gave_up(self, revision: int) -> bool:
        """Whether a revision of that number may be one of a history that was given up."""
        with contextlib.suppress(RepositoryError):
            if self._repository is not None and revision > self.newest[0]:
                lost = self._repository.beside.lost()
                return any(revision <= reached(name) for name in lost)
        return False

    def repair(self, now: float) -> None:
        """Look whether trouble is damage, if it is time to; then put the replica aside."""
        if not self.trouble and not self._doctor.found:
            return
        try:
            why = self._doctor.diagnose(now)
            if not why:
                return
            self.close()
            self._repository = self._head = None
            self.repaired = self._doctor.put_aside(why)
        except (RepositoryError, OSError) as error:
            log.error("configuration: %s", error)
            return
        log.error("configuration: %s", self.repaired)
        self.open()

    def wants(self, newest: Order | None) -> tuple[str, int]:
        """The commit that a pack shall lead to, and its first byte that lacks; "" and 0: none."""
        pack = self._parts.pack
        if pack is not None and (pack.reset or pack.since) == self.newest[1]:
            return pack.commit, self._parts.received
        with contextlib.suppress(RepositoryError):
            if newest and self._repository and self._repository.lacks(newest.commit):
                return newest.commit, 0
        return "", 0

    def collect_garbage(self) -> None:
        """Tidy up and look for damage, if it is due, which may take minutes."""
        try:
            if self._repository is not None:
                self._repository.collect_garbage()
                self._doctor.visit(time.monotonic())
        except RepositoryError as error:
            log.error("configuration: %s", error)

    def close(self) -> None:
        """Let go of its files."""
        self._drop_parts()
        if self._repository is not None:
            self._repository.close()

    def _receive(self, repository: Repository, pack: bytes | IO[bytes], order: Order) -> None:
        try:
            if order.reset:
                repository.beside.turn(order.reset, order.commit, pack, order.since)
                log.warning("configuration: %s and what led to it is given up", order.reset)
            else:
                repository.receive(pack, order.since or None, order.commit)
        finally:
            self._drop_parts()  # of no use, whether they went in or not
        self._head, self._said = repository.head(), ""
        log.info("configuration: r%d is in the replica", self.newest[0])

    def _receive_part(self, repository: Repository, order: Order) -> None:
        if order.offset == 0 or self._file is None:
            self._close_file()
            self._file = tempfile.TemporaryFile(dir=self._directory.parent)  # noqa: SIM115
        self._file.write(order.pack)
        if self._parts.complete:
            self._file.seek(0)
            self._receive(repository, self._file, order)

    def _drop_parts(self) -> None:
        self._parts.clear()
        self._close_file()

    def _close_file(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):  # what could not be written is of no use
                self._file.close()
        self._file = None

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Say what goes wrong, once."""
        try:
            yield
        except (RepositoryError, OSError) as error:
            self._drop_parts()
            sentence = str(error)
            if sentence != self._said:
                log.error("configuration: %s", sentence)
            self.trouble = self._said = sentence
        else:
            self.trouble = ""


def _opened(directory: Path) -> Repository:
    """One whose making was cut short is completed."""
    try:
        return Repository.create(directory)
    except NotARepositoryError:
        return Repository.open(directory)
