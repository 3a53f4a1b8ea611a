"""Fetching the histories of nodes that stand against the manager's, one node after the other.

A node is asked for a pack, some parts at a time, and the parts are put together in a file without a
name; what is lost is asked for again, and a listener that dies begins anew. Invariants: one fetch
at a time, of bounded size; what comes unasked is thrown away; the histories of many nodes that are
the same are fetched once. Seconds are monotonic.
"""

import contextlib
import tempfile
from typing import IO

from cluster_admin.configs import conflict_orders, conflicts, store
from cluster_admin.configs.conflict_models import SENTENCE_LENGTH, Conflict
from cluster_admin.configs.conflict_rules import Course, State
from cluster_admin.configs.models import Replica
from cluster_admin.configs.orders import Asked, is_up
from cluster_admin.configs.stands import stand
from cluster_admin.events.moments import Moment
from workers.config.core.messages import HISTORY_BYTES, HISTORY_PARTS, Past
from workers.config.core.orders import Parts
from workers.repository.errors import RepositoryError

BYTES_MAX = 256 * 1024 * 1024
"""The largest pack of a history that is fetched."""
AGAIN_SECONDS = 3.0
"""Without progress it is asked again."""
GIVE_UP_SECONDS = 30.0
"""Without progress another node has its turn."""
REST_SECONDS = 60.0
"""So long a node that gave nothing of use is not asked."""


class Fetching:
    """The fetch under way; all of it may be lost."""

    def __init__(self) -> None:
        self.node = ""
        """Whose history is fetched; empty: none is."""
        self._parts = Parts()
        self._file: IO[bytes] | None = None
        self._asked: tuple[int, float] | None = None
        """The first byte that was asked for last, and when; None: none was."""
        self._progress_at = float("-inf")
        self._resting: dict[str, float] = {}

    def take(self, told: Past, now: Moment) -> None:
        """Take in what a node tells of its history."""
        if told.node != self.node:
            return
        if told.size > BYTES_MAX:
            way = "let one history count without it: muster config override"
            self._end(f"it takes {told.size} bytes, more than {BYTES_MAX}; {way}", now)
            return
        if not 0 < len(told.pack) <= told.size - told.offset:
            self._end("what the node tells of it makes no sense; update Muster there", now)
            return
        try:
            if not self._parts.take(told, now.seconds):
                return
            self._progress_at = now.seconds
            self._write(told)
            if self._parts.complete and self._file is not None:
                self._file.seek(0)
                store.repository().beside.receive(self._file, told.since, told.commit, self.node)
                self._end("", now)
        except (RepositoryError, OSError) as error:
            self._end(str(error), now)

    def due(self, now: Moment) -> dict[str, Asked]:
        """Whom to ask now, and for what; raises `RepositoryError`."""
        if self.node and now.seconds - self._progress_at >= GIVE_UP_SECONDS:
            self._end("it does not answer", now)
        wanted = self._wanted(now)
        if self.node and self.node not in [row.node for row in wanted]:
            self._forget()
        if not self.node:
            if not wanted:
                return {}
            self._begin(wanted[0].node, now)
        received = self._parts.received
        if self._is_awaited(received, now.seconds):
            return {}
        self._asked = received, now.seconds
        return {self.node: Asked(history=received)}

    def _is_awaited(self, received: int, now: float) -> bool:
        """Whether what was asked for may still come."""
        if self._asked is None:
            return False
        offset, at = self._asked
        answered = received >= offset + HISTORY_BYTES * HISTORY_PARTS
        return not answered and now - max(at, self._progress_at) < AGAIN_SECONDS

    def _wanted(self, now: Moment) -> list[Replica]:
        """Nodes that can be asked, those that went furthest first."""
        names = Conflict.objects.filter(state=State.OPEN).values("node")
        rows = list(Replica.objects.filter(node__in=names).order_by("-number", "node"))
        if not rows:
            return []
        self._resting = {n: at for n, at in self._resting.items() if now.seconds < at}
        sides = conflicts.sides(rows)
        return [
            row
            for row in rows
            if row.node not in self._resting
            and is_up(stand(row), now.time)
            and conflict_orders.course(row, sides[row.node]) is Course.ASK
        ]

    def _begin(self, node: str, now: Moment) -> None:
        self.node, self._progress_at = node, now.seconds
        self._asked = None

    def _write(self, told: Past) -> None:
        if told.offset == 0 or self._file is None:
            self._close()
            directory = store.repository().directory.parent
            self._file = tempfile.TemporaryFile(dir=directory)  # noqa: SIM115
        self._file.write(told.pack)

    def _end(self, trouble: str, now: Moment) -> None:
        """It is here, or of no use now."""
        Conflict.objects.filter(node=self.node).update(trouble=trouble[:SENTENCE_LENGTH])
        if trouble:
            self._resting[self.node] = now.seconds + REST_SECONDS
        self._forget()

    def _forget(self) -> None:
        self.node = ""
        self._parts.clear()
        self._close()

    def _close(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):  # what could not be written is of no use
                self._file.close()
        self._file = None
