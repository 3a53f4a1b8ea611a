"""An agent for its reporter: the real socket and journal, with holdings that a test decides."""

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from workers.failover.core.actions import Fact, FactKind
from workers.failover.core.briefing import asked, unknown
from workers.failover.core.claims import Claims
from workers.failover.core.telling import UNKNOWN
from workers.failover.door import Door
from workers.failover.history import History
from workers.failover.journal import Journal

PATIENCE_SECONDS = 10.0


class FakeAgent:
    """Runs in a thread of its own between `start` and `stop`."""

    def __init__(self, state: Path, door: Path) -> None:
        self._state, self._path = state, door
        self.incarnation = 0
        self.held: dict[str, int] = {}
        self.problem = ""
        self.questions: list[tuple[float, int]] = []
        """When it was asked for a report, and how much of what it holds it listed."""

    def start(self) -> None:
        """A new run."""
        self.incarnation += 1
        self.journal = Journal(self._state, self.incarnation)
        self._history = History(self.journal)
        commands = {"report": self._report, "events": self._history.events}
        self._door = Door(self._path, commands, self.journal.followers)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._door.open(), self._loop).result(PATIENCE_SECONDS)

    def stop(self) -> None:
        """It dies: every connection breaks."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(PATIENCE_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_SECONDS)
        self._loop.close()
        self._history.close()
        self.journal.close()

    def happen(self, count: int = 1) -> None:
        """So many events."""

        def record() -> None:
            for number in range(count):
                self.journal.record(Fact(FactKind.LATE, detail=f"{number} ms"))
            while self.journal.waiting:
                self.journal.flush()

        self._do(record)

    def take(self, *vips: str) -> None:
        """Hold these as well, with an event for each."""

        def take() -> None:
            for vip in vips:
                self.held[vip] = self.held.get(vip, 0) + 1
                self.journal.record(Fact(FactKind.TAKEN, vip=vip, epoch=self.held[vip]))
            while self.journal.waiting:
                self.journal.flush()

        self._do(take)

    def stand_still(self, seconds: float) -> None:
        """The loop does nothing for a while."""
        self._loop.call_soon_threadsafe(time.sleep, seconds)

    def _do(self, job: Callable[[], None]) -> None:
        async def done() -> None:
            job()

        asyncio.run_coroutine_threadsafe(done(), self._loop).result(PATIENCE_SECONDS)

    def _report(self, request: dict[str, Any]) -> dict[str, Any]:
        claims = Claims(self.held)
        buckets, more = unknown(claims, *asked(request))
        found = claims.of(buckets)
        self.questions.append((time.monotonic(), len(found)))
        held = [(vip, epoch, 1.0, "it had no owner", "") for vip, epoch in found.items()]
        brief = msgspec.structs.replace(
            UNKNOWN,
            incarnation=self.incarnation,
            state="ready",
            problem=self.problem,
            count=len(self.held),
            sums=claims.sums,
            buckets=tuple(buckets),
            more=more,
            first=self.journal.first,
            held=tuple(held),
        )
        answer: dict[str, Any] = msgspec.to_builtins(brief)
        return answer

    async def _end(self) -> None:
        self._door.close()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
