"""Answers mail servers that speak Postfix's policy protocol, on local sockets.

All is decided in `core/limits`; here are only bytes and clients. A client that is slow, silent,
endless or one too many costs bounded memory, is closed and counted, and disturbs nobody else.
"""

import asyncio
import contextlib
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from typing import cast

from workers.replication.core.clients import CLIENTS_MAX, crowded_out, overdue
from workers.replication.core.limits import Limits
from workers.replication.core.policy_protocol import DUNNO, Conversation
from workers.replication.listening import BACKLOG

LOOK_SECONDS = 5.0
UNREAD_BYTES = 64 * 1024
"""Of answers; a client that has so many to read is not listened to until it reads."""


class PolicyServer:
    """Answers on sockets that listen already; `clock` is the time line of the tables."""

    def __init__(
        self,
        limits: Limits,
        clock: Callable[[], float],
        clients_max: int = CLIENTS_MAX,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._clients_max = clients_max
        self._look_seconds = look_seconds
        self._servers: list[asyncio.Server] = []
        self._look: asyncio.TimerHandle | None = None
        self.clients: set[PolicyClient] = set()
        self.closed: Counter[str] = Counter()
        """Why clients were closed by us, and how often."""
        self.failed = 0
        """Requests that were let through because deciding failed."""

    async def open(self, sockets: Sequence[socket.socket]) -> None:
        """Begin to answer; may be called again for more sockets."""
        loop = asyncio.get_running_loop()
        for one in sockets:
            make = loop.create_unix_server if one.family is socket.AF_UNIX else loop.create_server
            self._servers.append(await make(self._client, sock=one, backlog=BACKLOG))
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

    def joined(self, client: "PolicyClient") -> None:
        """Let a client in; another one may have to go."""
        if len(self.clients) >= self._clients_max:
            for one in crowded_out(self.clients, self._clients_max):
                self._dismiss(one, "crowded")
        self.clients.add(client)

    def _client(self) -> "PolicyClient":
        return PolicyClient(self, Conversation(self._answer, self._limits.faults), self._clock)

    def _answer(self, request: bytes, now: float) -> bytes:
        """No fault of ours stops mail."""
        try:
            return self._limits.answer(request, now)
        except Exception as error:
            self.failed += 1
            context = {"message": "a policy request could not be decided", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)
            return DUNNO

    def _look_around(self) -> None:
        for client, why in overdue(self.clients, self._clock()):
            self._dismiss(client, why)
        loop = asyncio.get_running_loop()
        self._look = loop.call_later(self._look_seconds, self._look_around)

    def _dismiss(self, client: "PolicyClient", why: str) -> None:
        self.closed[why] += 1
        self.clients.discard(client)
        client.close()


class PolicyClient(asyncio.Protocol):
    """One connection."""

    __slots__ = (
        *("_clock", "_conversation", "_feed", "_server", "_transport", "_write"),
        *("begun_at", "heard_at", "held_up_at"),
    )

    def __init__(
        self, server: PolicyServer, conversation: Conversation, clock: Callable[[], float]
    ) -> None:
        self._server = server
        self._clock = clock
        self._conversation = conversation
        self._feed = conversation.feed
        self._transport: asyncio.Transport | None = None
        self.heard_at = clock()
        self.begun_at: float | None = None
        self.held_up_at: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to listen."""
        stream = cast("asyncio.Transport", transport)  # uvloop's are none by inheritance
        stream.set_write_buffer_limits(high=UNREAD_BYTES, low=0)
        self._transport = stream
        self._write = stream.write
        self._server.joined(self)

    def data_received(self, data: bytes) -> None:
        """Answer what is asked, all at once."""
        self.heard_at = now = self._clock()
        answers = self._feed(data, now)
        if answers:
            self._write(answers)
            self.begun_at = None
        else:
            self._unanswered(now)

    def _unanswered(self, now: float) -> None:
        if self._conversation.is_endless:
            self._server.closed["endless"] += 1
            self.close()
        elif self.begun_at is None:
            self.begun_at = now

    def pause_writing(self) -> None:
        """Stop to listen to a client that does not read."""
        self.held_up_at = self._clock()
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Listen again."""
        self.held_up_at = None
        if self._transport is not None:
            with contextlib.suppress(RuntimeError):
                self._transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a client."""
        del exc
        self._server.clients.discard(self)

    def close(self) -> None:
        """Do not wait for what it has not read."""
        if self._transport is not None:
            self._transport.abort()
