"""The listener's place at the bus for one subcluster: hears its nodes, and asks them."""

import asyncio
from collections.abc import Callable, Sequence

from workers.bus.codec import Codec
from workers.bus.connection import Connection
from workers.bus.exchanges import MANAGER_ACCOUNT, control_exchange, events_room
from workers.failover.core.reports import Ask, Message

SILENCE_SECONDS = 1.0
"""After this long we say something ourselves: only a broker that answers is a living one."""


class Ear:
    """Hears one subcluster. `heard(body, user)`; `changed(sentence)` when it is gained or lost."""

    def __init__(
        self,
        cluster: str,
        subcluster: str,
        brokers: Sequence[str],
        codec: Codec[Message],
        heard: Callable[[bytes, str], None],
        changed: Callable[[str], None],
    ) -> None:
        self._codec = codec
        self._heard = heard
        self._changed = changed
        self._loop = asyncio.get_running_loop()
        self._heard_at = self._loop.time()
        self.sentence = "not connected yet"
        self._connection = Connection(
            brokers,
            events_room(cluster, subcluster),
            self._hear,
            self._change,
            speak=control_exchange(cluster, subcluster),
        )
        self._connection.open()

    @property
    def up(self) -> bool:
        """Whether the nodes can be heard and asked."""
        return self._connection.up

    def ask(self, ask: Ask) -> None:
        """Put a question to the nodes; while there is no broker it is dropped, and asked later."""
        self._connection.publish(self._codec.encode(ask))

    def try_broker(self) -> None:
        """After a silence, see whether the broker answers at all."""
        if self.up and self._loop.time() - self._heard_at >= SILENCE_SECONDS:
            self.ask(Ask(to=MANAGER_ACCOUNT))  # no node's name: nobody answers

    async def close(self) -> None:
        """Leave."""
        await self._connection.close()

    def _hear(self, body: bytes, user: str) -> None:
        self._heard_at = self._loop.time()
        self._heard(body, user)

    def _change(self, up: bool, sentence: str) -> None:
        self.sentence = sentence
        self._changed(sentence)
        if up:
            self._loop.call_soon(self.ask, Ask())
