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

import msgspec

from workers.replication.http_server import HttpServer
from workers.replication.listening import ListeningError, listen_tcp, listen_unix, make_room
from workers.replication.local_api import LocalApi
from workers.replication.policy_server import PolicyServer
from workers.replication.replicator import Replicator
from workers.replication.settings import Places
from workers.replication.standing import Teller

LOOPBACK = "127.0.0.1"
RETRY_SECONDS = 2.0
log = logging.getLogger("muster.replication")

Open = Callable[[Sequence[socket.socket]], Awaitable[None]]


class Services:
    """Of a replicator, at the places of NODE.toml."""

    def __init__(self, replicator: Replicator, places: Places) -> None:
        self._teller = Teller(replicator, lambda: self.problems.values())
        replicator.standing = self._teller.standing
        self._policy = PolicyServer(replicator.limits, replicator.clock)
        api = LocalApi(
            replicator.limits,
            replicator.shared.part,
            replicator.clock,
            replicator.report,
            self._health,
            self._teller.numbers,
        )
        self._http = HttpServer(api.answer, replicator.clock)
        self._doors: dict[str, tuple[Callable[[], socket.socket], Open]] = {}
        for path, port, serve in (
            (places.policy_socket, places.policy_port, self._policy.open),
            (places.limits_socket, places.limits_port, self._http.open),
        ):
            self._doors[str(path)] = (partial(listen_unix, path), serve)
            if port:
                self._doors[f"{LOOPBACK}:{port}"] = (partial(listen_tcp, LOOPBACK, port), serve)
        self.problems: dict[str, str] = {}
        """Why a socket is not open, by its place."""
        self._opening: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Open what can be opened now, and go on trying for the others."""
        make_room()
        await self._try()
        self._opening = asyncio.get_running_loop().create_task(self._go_on())

    async def close(self) -> None:
        """Answer nobody any more."""
        if self._opening is not None:
            self._opening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._opening
        self._policy.close()
        self._http.close()

    def _health(self) -> dict[str, Any]:
        """How the node is; healthy as long as it decides, cut off or not."""
        standing = msgspec.to_builtins(self._teller.named())
        return {"healthy": True, **standing}

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
