"""A collector's two connections to a broker: one on which pieces come, one on which it answers.

Two, since a broker that has run short of memory or disk stops reading from whoever publishes: the
acknowledgements that would give it room have to get through. Invariant: what was not acknowledged
when a connection is lost comes again.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pika
from pika.exceptions import AMQPError

from workers.bus.connection import broker_parameters
from workers.bus.exchanges import (
    logs_exchange,
    logs_kept_exchange,
    logs_queue,
    logs_queue_arguments,
)

PREFETCH = 32
"""Pieces that a collector has and did not acknowledge yet: at most as many MiB."""
QUEUE_BYTES = 256 << 20
"""What may wait at the broker; the rest waits on the nodes."""
HEARTBEAT_SECONDS = 10
"""Longer than a slow disk takes for a batch."""


class LinkError(Exception):
    """A connection is lost, or cannot be made; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message, and whose account it came with."""

    tag: int
    body: bytes
    user: str


class Link:
    """Where a subscriber's pieces come from. `brokers`: AMQP URLs, tried in turn. One thread's."""

    def __init__(
        self, brokers: Sequence[str], cluster: str, subclusters: Sequence[str], subscriber: str
    ) -> None:
        self._parameters = [broker_parameters(address) for address in brokers]
        for one in self._parameters:
            one.heartbeat = HEARTBEAT_SECONDS
        self._cluster, self._subclusters, self._subscriber = cluster, subclusters, subscriber
        self._tries = 0
        self._hears: Any = None
        self._channel: Any = None
        self._answers: Any = None
        self._inbox: list[Delivery] = []
        self._cancelled = False

    @property
    def broker(self) -> str:
        """Host and port of the broker in use or being tried."""
        return f"{self._tried.host}:{self._tried.port}"

    @property
    def _tried(self) -> pika.ConnectionParameters:
        return self._parameters[self._tries % len(self._parameters)]

    def open(self) -> None:
        """Make exchanges and queue, and let pieces come; raises `LinkError`, then try again."""
        self.close()
        try:
            self._hears = self._connection()
            self._channel = self._hears.channel()
            self._declare(self._channel)
            self._channel.basic_qos(prefetch_count=PREFETCH)
            self._channel.add_on_cancel_callback(self._cancel)
            queue = logs_queue(self._cluster, self._subscriber)
            self._channel.basic_consume(queue, self._arrive, exclusive=True)
        except (AMQPError, OSError) as error:
            lost = LinkError(f"{self.broker}: {_said(error)}")
            self.close()
            self._tries += 1
            raise lost from error

    def arrived(self, seconds: float) -> list[Delivery]:
        """What has come, or comes within `seconds`; raises `LinkError`."""
        try:
            self._hears.process_data_events(time_limit=0 if self._inbox else seconds)
            if self._answers is not None:
                self._listen()
        except (AMQPError, OSError) as error:
            raise LinkError(f"{self.broker}: {_said(error)}") from error
        if self._cancelled:
            raise LinkError(f"{self.broker}: our queue was removed; it is made again")
        found, self._inbox = self._inbox, []
        return found

    def rest(self, seconds: float) -> None:
        """Stay connected for so long without taking anything; raises `LinkError`."""
        try:
            self._hears.sleep(seconds)
        except (AMQPError, OSError) as error:
            raise LinkError(f"{self.broker}: {_said(error)}") from error

    def done(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge what `arrived` gave, all of it; raises `LinkError`."""
        try:
            self._channel.basic_ack(deliveries[-1].tag, multiple=True)
        except (AMQPError, OSError) as error:
            raise LinkError(f"{self.broker}: {_said(error)}") from error

    @property
    def answers(self) -> bool:
        """Whether the connection for answers is there."""
        return self._answers is not None

    def open_answers(self) -> None:
        """Make that connection; raises `LinkError`."""
        try:
            self._answers = self._connection().channel()
        except (AMQPError, OSError) as error:
            raise LinkError(f"{self.broker}: {_said(error)}") from error

    def tell(self, subcluster: str, node: str, body: bytes) -> None:
        """Answer a node, if it listens; raises `LinkError` when the connection is lost."""
        try:
            self._answers.basic_publish(
                logs_kept_exchange(self._cluster, subcluster),
                node,
                body,
                pika.BasicProperties(user_id=self._tried.credentials.username, delivery_mode=1),
            )
        except (AMQPError, OSError) as error:
            self._drop_answers()
            raise LinkError(f"{self.broker}: {_said(error)}") from error

    def close(self) -> None:
        """Let go of both."""
        self._drop_answers()
        if self._hears is not None:
            _close(self._hears)
        self._hears = self._channel = None
        self._inbox, self._cancelled = [], False

    def _connection(self) -> Any:
        return pika.BlockingConnection(self._tried)

    def _declare(self, channel: Any) -> None:
        queue = logs_queue(self._cluster, self._subscriber)
        channel.queue_declare(queue, durable=True, arguments=logs_queue_arguments(QUEUE_BYTES))
        for subcluster in self._subclusters:
            logs = logs_exchange(self._cluster, subcluster)
            for exchange in (logs, logs_kept_exchange(self._cluster, subcluster)):
                channel.exchange_declare(exchange, "direct", durable=True)
            channel.queue_bind(queue, logs, self._subscriber)

    def _arrive(self, _channel: Any, method: Any, properties: Any, body: bytes) -> None:
        self._inbox.append(Delivery(method.delivery_tag, body, str(properties.user_id or "")))

    def _cancel(self, _method: Any) -> None:
        self._cancelled = True

    def _listen(self) -> None:
        """Let heartbeats of the connection for answers through."""
        try:
            self._answers.connection.process_data_events(time_limit=0)
        except (AMQPError, OSError):
            self._drop_answers()

    def _drop_answers(self) -> None:
        if self._answers is not None:
            _close(self._answers.connection)
        self._answers = None


def _close(connection: Any) -> None:
    with contextlib.suppress(AMQPError, OSError):
        if connection.is_open:
            connection.close()


def _said(error: BaseException) -> str:
    """What pika's errors say, some of which say it with `repr` alone."""
    return str(error) or repr(error)
