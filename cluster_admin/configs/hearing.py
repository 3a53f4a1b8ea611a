"""The config ear: hears how nodes stand, keeps the rows, and sees that whoever lags is told again.

Lives in the listener's process, in a thread of its own with a connection of its own: its loop waits
for nothing here. What nodes tell waits in a queue of each subcluster until it is in the database,
so that a listener that was killed goes on where it was; what is told twice counts once. Invariant:
nothing waits without bound, neither here nor at the broker.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pika
from django.db import InterfaceError, OperationalError, connections
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection
from pika.exceptions import AMQPError

from cluster_admin.configs import sending
from cluster_admin.configs.desk import Desk, Outcome
from cluster_admin.events.ledger import Arrival
from cluster_admin.events.moments import Moment
from workers.bus.connection import broker_parameters
from workers.bus.exchanges import config_exchange

QUEUE_ARGUMENTS: dict[str, int | str] = {
    "x-queue-type": "quorum",
    "x-overflow": "drop-head",
    "x-max-length": 10_000,
    "x-max-length-bytes": 64 * 1024 * 1024,
    "x-message-ttl": 6 * 3_600_000,
    "x-expires": 7 * 24 * 3_600_000,
    "x-delivery-limit": 20,
}
"""Of `managers_queue`. Whoever declares it must say the same: the broker refuses other arguments
for a queue that exists."""
BATCH_MESSAGES = 200
LOOK_SECONDS = 1.0
"""When nothing is heard, it is looked this often who lags."""
RETRY_SECONDS = 0.5
"""After a broker or the database refused."""
CONNECT_SECONDS = 2.0


def managers_queue(cluster: str, subcluster: str) -> str:
    """Where what nodes tell waits for a listener.

    Not named as the exchange: a node that may write to that could bind the queue to other rooms.
    """
    return f"muster.{cluster}.{subcluster}.managers.config"


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
        self._say = say
        self._desk = Desk(cluster, keys)
        self._batch: list[tuple[Arrival, int]] = []
        """What was heard and is not in the database, with its delivery tag."""
        self._over = threading.Event()
        self._stopping = asyncio.Event()
        self._told = ""

    def stop(self) -> None:
        """End at once; what is not in the database waits at the broker."""
        self._over.set()
        self._stopping.set()

    async def run(self) -> None:
        """Hear until `stop`."""
        threading.Thread(target=self._hear, name="configuration", daemon=True).start()
        await self._stopping.wait()

    def _hear(self) -> None:
        place = 0
        while self._brokers and not self._over.is_set():
            parameters = self._brokers[place % len(self._brokers)]
            try:
                self._hear_at(parameters)
            except (AMQPError, OSError) as error:
                self._tell(f"not heard at {parameters.host}: {error!r}"[:300])
                place += 1
            except Exception as error:  # a mistake of ours ends no thread
                self._tell(f"this is a mistake of Muster's: {error!r}"[:300])
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
                outcome = self._work(connection)
                if self._batch:
                    channel.basic_ack(self._batch[-1][1], multiple=True)
                    self._batch.clear()
                if heard - set(outcome.subclusters):
                    return
                for name in set(outcome.subclusters) - heard:
                    self._enter(channel, name)
                    self._desk.entered(name)
                    heard.add(name)
                self._tell(f"heard at {parameters.host}:{parameters.port}")
                connection.process_data_events(LOOK_SECONDS)

    def _enter(self, channel: BlockingChannel, subcluster: str) -> None:
        """Take what is told in a subcluster from its queue."""
        room = config_exchange(self._cluster, subcluster)
        queue = managers_queue(self._cluster, subcluster)
        channel.exchange_declare(room, "fanout", durable=True)
        channel.queue_declare(queue, durable=True, arguments=QUEUE_ARGUMENTS)
        channel.queue_bind(queue, room)
        channel.basic_consume(queue, partial(self._heard, subcluster))

    def _heard(
        self, subcluster: str, _channel: Any, method: Any, properties: Any, body: bytes
    ) -> None:
        user = str(properties.user_id or "")
        arrival = Arrival(subcluster, body, user, time.monotonic())
        self._batch.append((arrival, method.delivery_tag))

    def _work(self, connection: BlockingConnection) -> Outcome:
        """Take the batch in, however often the database refuses it."""
        while not self._over.is_set():
            try:
                arrivals = [arrival for arrival, _ in self._batch]
                outcome = self._desk.work(arrivals, Moment(time.monotonic(), datetime.now(UTC)))
            except (OperationalError, InterfaceError) as error:
                self._tell(f"the database does not take what is heard: {error}".strip())
                connections.close_all()
                connection.sleep(RETRY_SECONDS)
            else:
                for sentence in outcome.sentences:
                    self._say(sentence)
                sending.order(outcome.asked)
                return outcome
        raise ConnectionAbortedError("told to stop")

    def _tell(self, sentence: str) -> None:
        if sentence != self._told and not self._over.is_set():
            self._told = sentence
            self._say(f"configuration: {sentence}")
