"""What local servers have in common: sockets, clients, and whoever of these has to go.

A client that is slow, silent, endless or one too many costs bounded memory, is closed and counted,
and disturbs nobody else; who that is, is decided in `core/clients`.
"""

import asyncio
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from typing import cast

from workers.replication.core.clients import crowded_out, overdue
from workers.replication.listening import BACKLOG

LOOK_SECONDS = 5.0
UNREAD_BYTES = 64 << 10
"""Of answers; a client that has so many to read is not listened to until it reads."""


class LocalServer:
    """Serves on sockets that listen already. `clock`: any that does not go back."""

    def __init__(
        self,
        make: Callable[[], "LocalClient"],
        clock: Callable[[], float],
        clients_max: int,
        look_seconds: float,
    ) -> None:
        self._make = make
        self.clock = clock
        self._clients_max = clients_max
        self._look_seconds = look_seconds
        self._servers: list[asyncio.Server] = []
        self._look: asyncio.TimerHandle | None = None
        self.clients: set[LocalClient] = set()
        self.closed: Counter[str] = Counter()
        """Why clients were closed by us, and how often."""

    async def open(self, sockets: Sequence[socket.socket]) -> None:
        """Begin to answer; may be called again for more sockets."""
        loop = asyncio.get_running_loop()
        for one in sockets:
            make = loop.create_unix_server if one.family is socket.AF_UNIX else loop.create_server
            self._servers.append(await make(self._make, sock=one, backlog=BACKLOG))
        if self._look is None:
            self._look = loop.call_later(self._look_seconds, self._look_around)

    def close(self) -> None:
        """Answer nobody any more."""
        if self._look is not None:
            self._look.cancel()
        for server in self._servers:
            server.close()
        for client in list(self.clients):
            client.close()

    def joined(self, client: "LocalClient") -> None:
        """Let a client in; another one may have to go."""
        if len(self.clients) >= self._clients_max:
            for one in crowded_out(self.clients, self._clients_max):
                self._dismiss(one, "crowded")
        self.clients.add(client)

    def _look_around(self) -> None:
        for client, why in overdue(self.clients, self.clock()):
            self._dismiss(client, why)
        loop = asyncio.get_running_loop()
        self._look = loop.call_later(self._look_seconds, self._look_around)

    def _dismiss(self, client: "LocalClient", why: str) -> None:
        self.closed[why] += 1
        self.clients.discard(client)
        client.close()


class LocalClient(asyncio.Protocol):
    """One connection of `server`."""

    __slots__ = ("begun_at", "heard_at", "held_up_at", "server", "transport")

    def __init__(self, server: LocalServer) -> None:
        self.server = server
        self.transport: asyncio.Transport | None = None
        self.heard_at = server.clock()
        self.begun_at: float | None = None
        """Since when it is in the middle of a request."""
        self.held_up_at: float | None = None
        """Since when it does not read."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to listen."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's are none by inheritance
        self.transport.set_write_buffer_limits(high=UNREAD_BYTES, low=0)
        self.server.joined(self)

    def pause_writing(self) -> None:
        """Stop to listen to a client that does not read."""
        self.held_up_at = self.server.clock()
        if self.transport is not None:
            self.transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a client."""
        del exc
        self.server.clients.discard(self)

    def close(self) -> None:
        """Do not wait for what it has not read."""
        if self.transport is not None:
            self.transport.abort()
