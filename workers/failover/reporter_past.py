"""The reporter's knowledge of runs: what was followed of this one, what the files have of others.

Invariant: the run of now is told to end where it was followed to, so that a report is never ahead
of the events. Files are read in a thread.
"""

import asyncio
import contextlib
from pathlib import Path

import msgspec

from workers.failover import chronicle
from workers.failover.core.reports import Run
from workers.failover.core.telling import Line
from workers.failover.reporter_door import AgentSilentError, Caller, Past

ANSWER_EVENTS = 1000
"""Of one ask: five messages full."""


class Runs:
    """All runs of the agent of which events can be told."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._old: dict[int, tuple[int, int]] = {}
        self._files: tuple[int, ...] = ()
        self.incarnation = 0
        """Of the run that is followed; 0 before there was one."""
        self.last = 0
        """Number of its last event that was seen."""

    def follow(self, incarnation: int, last: int) -> None:
        """Another run begins to be followed, behind its event `last`."""
        self.incarnation, self.last = incarnation, last
        self._files = ()

    def seen(self, lines: list[Line]) -> None:
        """Events of the run that is followed; an agent may go on under another incarnation."""
        if lines[-1].incarnation != self.incarnation:
            self.follow(lines[-1].incarnation, 0)
        self.last = lines[-1].number

    async def refresh(self) -> None:
        """Look at the files again if others stand there than before."""
        files = tuple(self._inode(name) for name in (chronicle.NAME, chronicle.OLD_NAME))
        if files != self._files:
            self._files = files
            self._old = await asyncio.to_thread(chronicle.runs, self._directory)

    def told(self, now: int, first: int) -> list[Run]:
        """Oldest first, and last the run of now, of which `first` is the oldest event kept."""
        spans = {i: span for i, span in self._old.items() if i != now}
        if self.incarnation != now:
            spans.setdefault(self.incarnation, (1, self.last))
        spans[now] = (first, self.last if self.incarnation == now else 0)
        return [Run(i, *span) for i, span in spans.items() if i]

    def told_without_agent(self) -> list[Run]:
        """What the files have."""
        return [Run(i, *span) for i, span in self._old.items()]

    def look_again(self) -> None:
        """The files may have got more, or less, than they had."""
        self._files = ()

    async def events(self, caller: Caller, incarnation: int, since: int) -> list[Line]:
        """Some events of a run above `since`, oldest first: from the agent, else from the files."""
        if incarnation == self.incarnation:
            request = {
                "command": "events",
                "incarnation": incarnation,
                "since": since,
                "limit": ANSWER_EVENTS,
            }
            with contextlib.suppress(AgentSilentError):
                return (await caller.ask(request, Past)).events
        found = await asyncio.to_thread(
            chronicle.events, self._directory, incarnation, since, ANSWER_EVENTS
        )
        if not found:
            self.look_again()  # what was promised is gone
        return [msgspec.convert(event, Line) for event in found]

    def _inode(self, name: str) -> int:
        try:
            return (self._directory / name).stat().st_ino
        except OSError:
            return 0
