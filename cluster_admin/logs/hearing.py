"""The ear for logs: hears how nodes ship theirs, in the listener's process, and keeps the rows.

A thread with a connection of its own and, in each subcluster, a queue that dies with it: nothing is
kept for a listener that is away, since every node tells it again within half a minute.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pika
from django.db import Error, connections
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection
from pika.exceptions import AMQPError

from cluster_admin.events.ledger import Arrival
from cluster_admin.events.moments import Moment
from cluster_admin.logs.shipping import Desk
from workers.bus.connection import broker_parameters
from workers.bus.exchanges import LOGS_STANDING_KEY, logs_exchange

QUEUE_ARGUMENTS: dict[str, int | str] = {
    "x-max-length": 1_000,
    "x-overflow": "drop-head",
    "x-message-ttl": 60_000,
}
BATCH_MESSAGES = 100
LOOK_SECONDS = 1.0
RETRY_SECONDS = 1.0
CONNECT_SECONDS = 2.0


class Hearer:
    """Runs until it is told to stop. `say` gets one line for each change worth telling."""

    def __init__(
        self,
        cluster: str,
        brokers: Sequence[str],
        keys: Sequence[bytes],
        say: Callable[[str], None],
    ) -> None:
        self._cluster = cluster
        self._brokers = [broker_parameters(address) for address in brokers]
        self._desk = Desk(cluster, keys)
        self._say = say
        self._batch: list[tuple[Arrival, int]] = []
        """What was heard and is not in the database, with its delivery tag."""
        self._over = threading.Event()
        self._stopping = asyncio.Event()
        self._told = ""

    def stop(self) -> None:
        """End at once."""
        self._over.set()
        self._stopping.set()

    async def run(self) -> None:
        """Hear until `stop`."""
        threading.Thread(target=self._hear, name="logs", daemon=True).start()
        await self._stopping.wait()

    def _hear(self) -> None:
        place = 0
        while self._brokers and not self._over.is_set():
            parameters = self._brokers[place % len(self._brokers)]
            try:
                self._hear_at(parameters)
            except (AMQPError, OSError) as error:
                self._tell(f"not heard at {parameters.host}: {error!r}")
                place += 1
            except Error as error:
                self._tell(f"the database does not take what is heard: {error}")
            except Exception as error:  # a mistake of ours ends no thread
                self._tell(f"this is a mistake of Muster's: {error!r}")
            self._batch.clear()
            connections.close_all()
            self._over.wait(RETRY_SECONDS)

    def _hear_at(self, parameters: pika.ConnectionParameters) -> None:
        """Hear at one broker, until it is lost or a subcluster is no more."""
        parameters.socket_timeout = parameters.stack_timeout = CONNECT_SECONDS
        with BlockingConnection(parameters) as connection:
            channel = connection.channel()
            channel.basic_qos(prefetch_count=BATCH_MESSAGES)
            heard: set[str] = set()
            while not self._over.is_set():
                self._work()
                if self._batch:
                    channel.basic_ack(self._batch[-1][1], multiple=True)
                    self._batch.clear()
                there = self._desk.subclusters()
                if heard - there:
                    return
                for name in there - heard:
                    self._enter(channel, name)
                    heard.add(name)
                self._tell(f"heard at {parameters.host}:{parameters.port}")
                connection.process_data_events(LOOK_SECONDS)

    def _enter(self, channel: BlockingChannel, subcluster: str) -> None:
        """Hear what is told in a subcluster, also before it has a collector."""
        exchange = logs_exchange(self._cluster, subcluster)
        channel.exchange_declare(exchange, "direct", durable=True)
        queue = channel.queue_declare("", exclusive=True, arguments=QUEUE_ARGUMENTS).method.queue
        channel.queue_bind(queue, exchange, LOGS_STANDING_KEY)
        channel.basic_consume(queue, partial(self._heard, subcluster))

    def _heard(
        self, subcluster: str, _channel: Any, method: Any, properties: Any, body: bytes
    ) -> None:
        user = str(properties.user_id or "")
        arrival = Arrival(subcluster, body, user, time.monotonic())
        self._batch.append((arrival, method.delivery_tag))

    def _work(self) -> None:
        arrivals = [arrival for arrival, _ in self._batch]
        self._desk.work(arrivals, Moment(time.monotonic(), datetime.now(UTC)))

    def _tell(self, sentence: str) -> None:
        if sentence != self._told:
            self._told = sentence
            self._say(f"logs: {sentence}"[:300])
