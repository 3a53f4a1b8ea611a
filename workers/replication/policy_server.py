"""Answers mail servers that speak Postfix's policy protocol, on local sockets.

All is decided in `core/limits`; here are only bytes.
"""

import asyncio
import contextlib
from collections.abc import Callable

from workers.replication.core.clients import CLIENTS_MAX
from workers.replication.core.limits import Limits
from workers.replication.core.policy_protocol import DUNNO, Conversation
from workers.replication.serving import LOOK_SECONDS, LocalClient, LocalServer


class PolicyServer(LocalServer):
    """Answers by `limits`; `clock` is the time line of the tables."""

    def __init__(
        self,
        limits: Limits,
        clock: Callable[[], float],
        clients_max: int = CLIENTS_MAX,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        super().__init__(self._client, clock, clients_max, look_seconds)
        self._limits = limits
        self.failed = 0
        """Requests that were let through because deciding failed."""

    def _client(self) -> "PolicyClient":
        return PolicyClient(self, Conversation(self._answer, self._limits.faults))

    def _answer(self, request: bytes, now: float) -> bytes:
        """No fault of ours stops mail."""
        try:
            return self._limits.answer(request, now)
        except Exception as error:
            self.failed += 1
            context = {"message": "a policy request could not be decided", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)
            return DUNNO


class PolicyClient(LocalClient):
    """One connection."""

    __slots__ = ("_clock", "_conversation", "_feed", "_write")

    def __init__(self, server: PolicyServer, conversation: Conversation) -> None:
        super().__init__(server)
        self._clock = server.clock
        self._conversation = conversation
        self._feed = conversation.feed

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to listen."""
        super().connection_made(transport)
        assert self.transport is not None  # noqa: S101
        self._write = self.transport.write

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
            self.server.closed["endless"] += 1
            self.close()
        elif self.begun_at is None:
            self.begun_at = now

    def resume_writing(self) -> None:
        """Listen again."""
        self.held_up_at = None
        if self.transport is not None:
            with contextlib.suppress(RuntimeError):
                self.transport.resume_reading()
