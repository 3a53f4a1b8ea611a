"""A companion of the listener that hears one kind of word of all subclusters, in a thread.

It has a connection of its own, and takes from a queue of each subcluster; the listener's loop waits
for nothing here. What was heard is acknowledged once the database has it. Invariant: nothing that a
broker or the database does ends the thread, and no more than a batch waits in memory.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol

import pika
from django.db import InterfaceError, OperationalError, connections
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection
from pika.exceptions import AMQPError

from cluster_admin.events.ledger import Arrival
from cluster_admin.events.moments import Moment
from workers.bus.connection import broker_parameters

BATCH_MESSAGES = 200
LOOK_SECONDS = 1.0
"""So often is taken, with nothing in it, when nothing is heard."""
RETRY_SECONDS = 0.5
"""After a broker or the database refused."""
CONNECT_SECONDS = 2.0
SENTENCE_LENGTH = 300


class Taker(Protocol):
    """What is heard, and what becomes of it. `name`: the word in front of what is told of it."""

    name: str

    def take(self, arrivals: Sequence[Arrival], now: Moment) -> Collection[str]:
        """Keep what was heard; which subclusters are to be heard from now on.

        Raises what the database raises: then it is given the same once more.
        """

    def enter(self, channel: BlockingChannel, subcluster: str) -> str:
        """Make sure of the queue to take from in a subcluster; its name."""


class Hearer:
    """Runs until it is told to stop. `say` gets one line for each change worth telling."""

    def __init__(self, taker: Taker, brokers: Sequence[str], say: Callable[[str], None]) -> None:
        self._taker = taker
        self._brokers = [broker_parameters(address) for address in brokers]
        self._say = say
        self._batch: list[tuple[Arrival, int]] = []
        """What was heard and is not in the database, with its delivery tag."""
        self._over = threading.Event()
        self._stopping = asyncio.Event()
        self._told = ""

    def stop(self) -> None:
        """End at once; what is not in the database stays where it was heard."""
        self._over.set()
        self._stopping.set()

    async def run(self) -> None:
        """Hear until `stop`."""
        threading.Thread(target=self._hear, name=self._taker.name, daemon=True).start()
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
                there = set(self._take(connection))
                if self._batch:
                    channel.basic_ack(self._batch[-1][1], multiple=True)
                    self._batch.clear()
                if heard - there:
                    return
                for name in there - heard:
                    queue = self._taker.enter(channel, name)
                    channel.basic_consume(queue, partial(self._heard, name))
                    heard.add(name)
                self._tell(f"heard at {parameters.host}:{parameters.port}")
                connection.process_data_events(LOOK_SECONDS)

    def _heard(
        self, subcluster: str, _channel: Any, method: Any, properties: Any, body: bytes
    ) -> None:
        user = str(properties.user_id or "")
        arrival = Arrival(subcluster, body, user, time.monotonic())
        self._batch.append((arrival, method.delivery_tag))

    def _take(self, connection: BlockingConnection) -> Collection[str]:
        """Have the batch taken, however often the database refuses it."""
        arrivals = [arrival for arrival, _ in self._batch]
        while not self._over.is_set():
            try:
                return self._taker.take(arrivals, Moment(time.monotonic(), datetime.now(UTC)))
            except (OperationalError, InterfaceError) as error:
                self._tell(f"the database does not take what is heard: {error}".strip())
                connections.close_all()
                connection.sleep(RETRY_SECONDS)
        raise ConnectionAbortedError("told to stop")

    def _tell(self, sentence: str) -> None:
        if sentence != self._told and not self._over.is_set():
            self._told = sentence
            self._say(f"{self._taker.name}: {sentence}"[:SENTENCE_LENGTH])
