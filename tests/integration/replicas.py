"""A scripted node: takes orders from its real queue into a real replica, and tells how it stands.

It applies nothing. Everything runs in one thread of its own, which ends with the context.
"""

import json
import threading
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pika

from tests.integration.brokers import CLUSTER, SUBCLUSTER, RunningBroker
from workers.bus.codec import Codec
from workers.bus.exchanges import NODE_QUEUE_ARGUMENTS, config_exchange, node_queue
from workers.config.core.messages import ORDER, Message, Order, Standing
from workers.config.core.reports import Outcome, Report
from workers.repository.repository import Repository


class ScriptedNode:
    """The configuration's side of one node, while its context is open."""

    def __init__(self, node: str, broker: RunningBroker, key: bytes, directory: Path) -> None:
        self.node = node
        self.orders: list[Order] = []
        self.deaf = False
        """Whether it throws orders away, as if they had been lost."""
        try:
            self.replica = Repository.open(directory)
        except Exception:
            self.replica = Repository.create(directory)
        self._url = broker.url(node)
        self._codec: Codec[Message] = Codec(CLUSTER, SUBCLUSTER, [key], Message)
        self._started_at = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._sequence = 0
        self._target = 0
        self._parts = b""
        self._connection: Any = None
        self._channel: Any = None
        self._thread = threading.Thread(target=self._run)
        self._ready = threading.Event()

    def __enter__(self) -> "ScriptedNode":
        self._thread.start()
        assert self._ready.wait(20)
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.add_callback_threadsafe(self._channel.stop_consuming)
        self._thread.join(20)

    @property
    def number(self) -> int:
        """Of its newest revision; 0 for none."""
        head = self.replica.head()
        return 0 if head is None else head.number

    def standing(self, **values: Any) -> Standing:
        """How it stands now, in its next message."""
        self._sequence += 1
        head = self.replica.head()
        told: dict[str, Any] = {
            "node": self.node,
            "started_at": self._started_at,
            "sequence": self._sequence,
            "number": head.number if head else 0,
            "commit": head.hash if head else "",
            "live": 0,
            "live_hash": "",
            "target": self._target,
        }
        return Standing(**told | values)

    def tell(self, *messages: Message | bytes) -> None:
        """Say something, from any thread."""
        self._connection.add_callback_threadsafe(lambda: self._publish(messages))

    def _publish(self, messages: Iterable[Message | bytes]) -> None:
        for one in messages:
            body = one if isinstance(one, bytes) else self._codec.encode(one)
            properties = pika.BasicProperties(user_id=self.node)
            exchange = config_exchange(CLUSTER, SUBCLUSTER)
            self._channel.basic_publish(exchange, "", body, properties)

    def _run(self) -> None:
        with pika.BlockingConnection(pika.URLParameters(self._url)) as self._connection:
            self._channel = self._connection.channel()
            queue = node_queue(self.node)
            self._channel.queue_declare(queue, durable=True, arguments=dict(NODE_QUEUE_ARGUMENTS))
            self._channel.basic_consume(queue, self._heard)
            self._publish([self.standing()])
            self._ready.set()
            self._channel.start_consuming()

    def _heard(self, channel: Any, method: Any, properties: Any, body: bytes) -> None:
        channel.basic_ack(method.delivery_tag)
        if properties.headers["task"] != ORDER or self.deaf:
            return
        order = msgspec.convert(json.loads(body)[0][0], Order)
        self.orders.append(order)
        self._target = order.target
        wants = self._take(order)
        self._publish([self.standing(wants=wants, offset=len(self._parts) if wants else 0)])

    def _take(self, order: Order) -> str:
        """Put parts together; the commit that is still wanted."""
        if not self.replica.lacks(order.commit):
            return ""
        head = self.replica.head()
        if order.since != (head.hash if head else "") or not order.pack:
            self._parts = b""
            return order.commit
        if order.offset == 0:
            self._parts = b""
        if order.offset == len(self._parts):
            self._parts += order.pack
        if len(self._parts) < order.size:
            return order.commit
        parts, self._parts = self._parts, b""
        with suppress(Exception):
            self.replica.receive(parts, order.since or None, order.commit)
            return ""
        return order.commit


def report(revision: int, outcome: Outcome = Outcome.APPLIED, **values: Any) -> Report:
    """What a node tells of an application."""
    sentence = f"r{revision} is applied"
    told: dict[str, Any] = {"hash": "ab" * 32, "sentence": sentence, "live_revision": revision}
    return Report(revision=revision, outcome=outcome, **told | values)
