"""What the door tells of the past: events of this run from memory, of earlier ones from the files.

Files are read in one thread, so that neither a question nor many hold the loop.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from workers.failover import chronicle
from workers.failover.journal import KEPT_EVENTS, Journal

Request = dict[str, Any]


class History:
    """Answers the commands `events` and `runs`."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="history")

    def events(self, request: Request) -> dict[str, Any] | Awaitable[dict[str, Any]]:
        """Events above `since`, at most `limit`, of this run or of the `incarnation` asked for."""
        journal = self._journal
        asked = {"since": 0, "limit": KEPT_EVENTS, "incarnation": journal.incarnation}
        for name, usual in asked.items():
            value = request.get(name, usual)
            if not isinstance(value, int) or isinstance(value, bool) or value < 0:
                return {"error": f"{name} is {value!r}; give a number, 0 or more"}
            asked[name] = value
        since, limit, incarnation = asked["since"], asked["limit"], asked["incarnation"]
        if incarnation == journal.incarnation:
            found = journal.since(since, limit)
            return {"incarnation": incarnation, "last": journal.last, "events": found}
        if request.get("follow") is True:
            way = f"follow this run, {journal.incarnation}"
            return {"error": f"incarnation {incarnation} has ended and can only be read; {way}"}
        limit = min(limit, KEPT_EVENTS)
        return self._told(incarnation, since, limit)

    def runs(self, _request: Request) -> Awaitable[dict[str, Any]]:
        """Incarnation, first and last number of each run of which events can be told."""
        return self._runs()

    def close(self) -> None:
        """Read nothing more."""
        self._reader.shutdown(wait=False, cancel_futures=True)

    async def _told(self, incarnation: int, since: int, limit: int) -> dict[str, Any]:
        directory = self._journal.directory
        found = await self._read(lambda: chronicle.events(directory, incarnation, since, limit))
        return {"incarnation": incarnation, "events": found}

    async def _runs(self) -> dict[str, Any]:
        found = await self._read(lambda: chronicle.runs(self._journal.directory))
        journal = self._journal
        found.pop(journal.incarnation, None)
        found[journal.incarnation] = (journal.first, journal.last)
        return {
            "runs": [
                {"incarnation": incarnation, "first": first, "last": last}
                for incarnation, (first, last) in found.items()
            ]
        }

    async def _read(self, job: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._reader, job)
