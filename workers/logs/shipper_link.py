"""A shipper's connection to a broker: confirmed pieces go out, what subscribers answer comes in.

Invariant: nothing raises into the loop; a connection that is lost is told by the next call. What
was sent on it counts as lost with it. For one asyncio loop.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

import pika
from pika.exceptions import AMQPError

from workers.bus.connection import broker_parameters
from workers.bus.exchanges import logs_exchange, logs_kept_exchange
from workers.bus.stream import Stream

OPEN_SECONDS = 5.0
HEARTBEAT_SECONDS = 20
"""Reading on in a large compressed log may take as long."""
USER_TIMEOUT_MS = 30_000
"""A broker that is short of memory reads nothing for a while."""
WAITING_MAX_BYTES = 4 << 20
"""Not taken by the broker's host yet: then nothing more is sent."""


class LinkError(Exception):
    """The connection is lost, or cannot be made; the sentence says why."""


class Link:
    """To one broker at a time. `brokers`: AMQP URLs, tried in turn; else raises `BusError`."""

    def __init__(
        self, brokers: Sequence[str], cluster: str, subcluster: str, node: str, subscriber: str
    ) -> None:
        self._parameters = [broker_parameters(address) for address in brokers]
        for one in self._parameters:
            one.heartbeat = HEARTBEAT_SECONDS
            one.blocked_connection_timeout = None
        self._exchange = logs_exchange(cluster, subcluster)
        self._kept_exchange = logs_kept_exchange(cluster, subcluster)
        self._node, self._subscriber = node, subscriber
        self._tries = 0
        self._stream: Stream | None = None
        self._channel: Any = None
        self._inbox: list[bytes] = []
        self._refused = self._blocked = False
        self._forget()

    @property
    def broker(self) -> str:
        """Host and port of the broker in use or being tried."""
        return f"{self._tried.host}:{self._tried.port}"

    @property
    def ready(self) -> bool:
        """Whether more may be sent now."""
        waits = self._stream is None or self._stream.waiting_bytes > WAITING_MAX_BYTES
        return self.taking and not waits and not self._problem

    @property
    def taking(self) -> bool:
        """Whether the broker reads what is sent; it does not while it is short of memory."""
        return not self._blocked

    async def open(self) -> None:
        """Connect, and hear answers; raises `LinkError`."""
        self.close()
        self._stream = Stream(
            self._tried, self._opened, self._ended, user_timeout_ms=USER_TIMEOUT_MS
        )
        self._stream.add_on_connection_blocked_callback(lambda *_: self._set_blocked(True))
        self._stream.add_on_connection_unblocked_callback(lambda *_: self._set_blocked(False))
        try:
            await asyncio.wait_for(self._joined.wait(), OPEN_SECONDS)
        except TimeoutError:
            self._problem = f"it did not let us in within {OPEN_SECONDS:g} s"
        if self._problem:
            lost = LinkError(f"{self.broker}: {self._problem}")
            self.close()
            self._tries += 1
            raise lost

    def send(self, body: bytes) -> None:
        """Send a piece; raises `LinkError`."""
        self._check()
        try:
            self._channel.basic_publish(
                self._exchange, self._subscriber, body, self._properties, mandatory=True
            )
        except (AMQPError, OSError) as error:
            self._end(str(error) or repr(error))
        self._check()

    async def wait(self, seconds: float) -> tuple[list[bytes], bool]:
        """What came, or comes within `seconds`, and whether a piece was refused.

        Raises `LinkError`.
        """
        if seconds <= 0:
            await asyncio.sleep(0)
        elif not self._stirred.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stirred.wait(), seconds)
        self._stirred.clear()
        self._check()
        found, self._inbox = self._inbox, []
        refused, self._refused = self._refused, False
        return found, refused

    def close(self) -> None:
        """Leave at once."""
        stream = self._stream
        self._forget()
        if stream is not None:
            stream.abort("no longer wanted")

    @property
    def _tried(self) -> pika.ConnectionParameters:
        return self._parameters[self._tries % len(self._parameters)]

    def _forget(self) -> None:
        self._stream = self._channel = None
        self._joined, self._stirred = asyncio.Event(), asyncio.Event()
        self._inbox = []
        self._refused = self._blocked = False
        self._problem = ""
        user = self._tried.credentials.username
        self._properties = pika.BasicProperties(user_id=user, delivery_mode=1)

    def _check(self) -> None:
        if self._problem or self._stream is None:
            raise LinkError(f"{self.broker}: {self._problem or 'not connected'}")

    # What pika calls. A stream that was left may still say something.

    def _opened(self, stream: Any) -> None:
        if self._stream is not None and stream is self._stream:
            self._stream.channel(on_open_callback=self._join)

    def _join(self, channel: Any) -> None:
        self._channel = channel
        channel.add_on_close_callback(self._channel_closed)
        channel.add_on_return_callback(lambda *_: self._refuse())
        channel.confirm_delivery(self._confirmed)
        channel.queue_declare("", exclusive=True, auto_delete=True, callback=self._bind)

    def _bind(self, frame: Any) -> None:
        queue = frame.method.queue
        self._channel.queue_bind(
            queue,
            self._kept_exchange,
            self._node,
            callback=lambda _frame: self._channel.basic_consume(
                queue, self._arrive, auto_ack=True, callback=lambda _frame: self._joined.set()
            ),
        )

    def _arrive(self, _channel: Any, _method: Any, _properties: Any, body: bytes) -> None:
        self._inbox.append(body)
        self._stirred.set()

    def _confirmed(self, frame: Any) -> None:
        if isinstance(frame.method, pika.spec.Basic.Nack):
            self._refuse()

    def _refuse(self) -> None:
        self._refused = True
        self._stirred.set()

    def _set_blocked(self, blocked: bool) -> None:
        self._blocked = blocked
        self._stirred.set()

    def _channel_closed(self, channel: Any, reason: BaseException) -> None:
        if channel is self._channel:
            self._end(str(reason) or repr(reason))

    def _ended(self, stream: Any, reason: BaseException) -> None:
        if stream is self._stream:
            self._end(str(reason) or repr(reason))

    def _end(self, sentence: str) -> None:
        self._problem = self._problem or sentence
        self._joined.set()
        self._stirred.set()
