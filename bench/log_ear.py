"""Hears what a collector tells nodes that it keeps: the instant at which lines are durable.

A collector says so once bytes and the record of them are synced; the way to the node is in the
measured time. Nodes have one log with one segment each, so a position is a number of bytes.
"""

import threading
import time
from collections.abc import Sequence
from typing import Any

import pika
from pika.exceptions import AMQPError

from bench.errors import BenchError
from tests.integration.brokers import CLUSTER, SUBCLUSTER
from tests.integration.node_parts import KEY
from workers.bus.exchanges import logs_kept_exchange
from workers.logs.core.messages import Kept
from workers.logs.wire import read

CLOSE_SECONDS = 5.0
LISTEN_SECONDS = 0.2


class Ear:
    """For some nodes of one broker. `broker`: its address with the managers' account."""

    def __init__(self, broker: str, nodes: Sequence[str]) -> None:
        self.heard: dict[str, list[tuple[int, float]]] = {node: [] for node in nodes}
        """Of each node: positions in their order, and when they were heard (monotonic)."""
        self._connection = pika.BlockingConnection(pika.URLParameters(broker))
        self._channel: Any = self._connection.channel()
        self._over = threading.Event()
        self._problem = ""
        self._listen_to(nodes)
        self._thread = threading.Thread(target=self._run, name="ear", daemon=True)
        self._thread.start()

    def position(self, node: str) -> int:
        """How many bytes of a node's log are durable; raises `BenchError` once it hears nothing."""
        if self._problem:
            raise BenchError(f"answers of the collector are not heard: {self._problem}")
        return self.heard[node][-1][0] if self.heard[node] else 0

    def close(self) -> None:
        """Hear no more."""
        self._over.set()
        self._thread.join(CLOSE_SECONDS)

    def _listen_to(self, nodes: Sequence[str]) -> None:
        exchange = logs_kept_exchange(CLUSTER, SUBCLUSTER)
        self._channel.exchange_declare(exchange, "direct", durable=True)
        queue = self._channel.queue_declare("", exclusive=True).method.queue
        for node in nodes:
            self._channel.queue_bind(queue, exchange, node)
        self._channel.basic_consume(queue, self._hear, auto_ack=True)

    def _run(self) -> None:
        try:
            with self._connection:
                while not self._over.is_set():
                    self._connection.process_data_events(LISTEN_SECONDS)
        except (AMQPError, OSError) as error:
            self._problem = str(error) or repr(error)

    def _hear(self, _channel: Any, _method: Any, _properties: Any, body: bytes) -> None:
        now = time.monotonic()
        message = read(body, [bytes.fromhex(KEY)])
        if isinstance(message, Kept):
            found = self.heard[message.node]
            position = max(position for _segment, position in message.positions)
            if not found or position > found[-1][0]:
                found.append((position, now))
