"""The sockets of a node where mail servers and people ask: opened, and tried again until they are.

A socket that cannot be opened is told, and the others answer all the same: a port that somebody
else has must not stop what is counted.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from workers.replication.http_server import HttpServer
from workers.replication.listening import ListeningError, listen_tcp, listen_unix
from workers.replication.local_api import LocalApi
from workers.replication.policy_server import PolicyServer
from workers.replication.replicator import Replicator
from workers.replication.settings import Places

LOOPBACK = "127.0.0.1"
RETRY_SECONDS = 2.0
log = logging.getLogger("muster.replication")

Listen = Callable[[], socket.socket]
Open = Callable[[Sequence[socket.socket]], Awaitable[None]]


class Services:
    """Of a replicator, at the places of NODE.toml."""

    def __init__(self, replicator: Replicator, places: Places) -> None:
        self._replicator = replicator
        self.policy = PolicyServer(replicator.limits, replicator.clock)
        self.api = LocalApi(
            replicator.limits,
            replicator.shared.part,
            replicator.clock,
            replicator.report,
            self.health,
        )
        self.http = HttpServer(self.api.answer, replicator.clock)
        self._doors: dict[str, tuple[Listen, Open]] = {}
        opens: tuple[tuple[Any, int, Open], ...] = (
            (places.policy_socket, places.policy_port, self.policy.open),
            (places.limits_socket, places.limits_port, self.http.open),
        )
        for path, port, serve in opens:
            self._doors[str(path)] = (partial(listen_unix, path), serve)
            if port:
                self._doors[f"{LOOPBACK}:{port}"] = (partial(listen_tcp, LOOPBACK, port), serve)
        self.problems: dict[str, str] = {}
        """Why a socket is not open, by its place."""
        self._opening: asyncio.Task[None] | None = None

    def health(self) -> dict[str, Any]:
        """How it is; `healthy`: peers are heard, and all is kept."""
        replicator = self._replicator
        problems = [*self.problems.values(), *replicator.keeper.complaints]
        return {
            "healthy": not replicator.cut_off and not problems,
            "node": replicator.site.node,
            "cut_off": replicator.cut_off,
            "alive": sorted(replicator.alive or ()),
            "nodes": list(replicator.membership.nodes),
            "problems": problems,
        }

    async def open(self) -> None:
        """Open what can be opened now, and go on trying for the others."""
        await self._try()
        self._opening = asyncio.get_running_loop().create_task(self._go_on())

    async def close(self) -> None:
        """Answer nobody any more."""
        if self._opening is not None:
            self._opening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._opening
        self.policy.close()
        self.http.close()

    async def _go_on(self) -> None:
        while self._doors:
            await asyncio.sleep(RETRY_SECONDS)
            await self._try()

    async def _try(self) -> None:
        for place, (listen, serve) in list(self._doors.items()):
            try:
                await serve([listen()])
            except ListeningError as error:
                if place not in self.problems:
                    log.error("replication: %s", error)
                self.problems[place] = str(error)
            else:
                del self._doors[place]
                self.problems.pop(place, None)
