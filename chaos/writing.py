"""The hand that changes the lab's definitions: files on nodes' disks, as a manager's task writes.

One writer counts revisions. A node that is off or stands still cannot be told; when nobody of those
named can, the others are. Telling is waited for a moment only: an agent that stands still would
hold the round up.
"""

import dataclasses
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

from chaos.core.edits import base, changed
from chaos.core.steps import Change, ChangeKind, Round
from workers.failover.core.definitions import Definitions
from workers.failover.core.definitions_text import render
from workers.failover.settings import read_settings
from workers.failover.tasks import define
from workers.lab.core.faults import FaultKind
from workers.lab.host_files import definitions_of, node_file
from workers.lab.lab import Lab

TELL_SECONDS = 0.1
_UNABLE = (FaultKind.POWER_LOSS, FaultKind.FREEZE)


class Writer:
    """Has the newest definitions, and those of the round's start."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.plain = definitions_of(lab.record)
        self.newest = self.plain
        self.first = self.plain
        self._pool = ThreadPoolExecutor(max_workers=2 * len(lab.nodes), thread_name_prefix="tell")
        self._telling: list[Future[str]] = []

    def begin(self, round_: Round) -> None:
        """Write the definitions that a round begins with, unless they stand already."""
        self.first = base(self.plain, round_)
        if dataclasses.replace(self.first, revision=self.newest.revision) != self.newest:
            self.restore()

    def restore(self) -> None:
        """Put the round's first definitions back, as a new revision, on every node."""
        self.change(Change(ChangeKind.RESTORE, via=self.lab.nodes), everywhere=True)

    def change(self, change: Change, *, everywhere: bool = False) -> Definitions:
        """Carry out a change; answers what was written."""
        self.newest = changed(self.newest, change, self.first)
        nodes = self.lab.nodes if everywhere else self._able(change.via)
        self._tell(nodes, render(self.newest))
        return self.newest

    def close(self) -> None:
        """Wait for what is being written."""
        self._pool.shutdown()

    def _able(self, wanted: Sequence[str]) -> list[str]:
        faults = [fault for fault in self.lab.faults if fault.kind in _UNABLE]
        unable = {name for fault in faults for name in fault.targets}
        able = [node for node in self.lab.nodes if node not in unable]
        return [node for node in wanted if node in able] or able

    def _tell(self, nodes: Sequence[str], text: str) -> None:
        revision, subcluster = self.newest.revision, self.newest.subcluster
        for node in nodes:
            settings = read_settings(node_file(self.lab.record, node))
            self._telling.append(self._pool.submit(define, settings, subcluster, revision, text))
        self._telling = [each for each in self._telling if not each.done()]
        wait(self._telling, timeout=TELL_SECONDS)
