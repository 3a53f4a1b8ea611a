"""The listener: hears the bus for every subcluster, and keeps the database as it tells.

The loop only moves messages; the database work is done in one thread, and what arrives meanwhile
goes into the next batch. Invariant: nothing waits without bound: what does not fit is dropped, and
asked for again. Losing the broker or the database ends nothing; killing this process loses nothing.
"""

import asyncio
import contextlib
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial

from django.db import Error, connections

from cluster_admin.events.ear import Ear
from cluster_admin.events.ledger import Arrival, Ledger, Outcome
from cluster_admin.events.listening import Listening
from cluster_admin.events.moments import Moment
from cluster_admin.events.pusher import Pusher

TICK_SECONDS = 0.2
"""Silence changes verdicts too: the picture is settled this often when nothing arrives."""
BATCH_MESSAGES = 200
WAITING_MAX_BYTES = 32 * 1024 * 1024
"""Of messages that the database has not taken; the oldest are dropped beyond it."""
STATUS_SECONDS = 1.0
RETRY_SECONDS = 0.5
"""After the database refused."""


class Listener:
    """Runs until it is told to stop. `say` gets one line for each change worth telling."""

    def __init__(
        self,
        cluster: str,
        brokers: Sequence[str],
        keys: Sequence[bytes],
        say: Callable[[str], None],
    ) -> None:
        self._cluster = cluster
        self._brokers = brokers
        self._say = say
        self._ledger = Ledger(cluster, keys)
        self._listening = Listening(socket.gethostname(), datetime.now(UTC))
        self._pusher = Pusher(say)
        self._ears: dict[str, Ear] = {}
        self._closing: set[asyncio.Future[None]] = set()
        self._waiting: deque[Arrival] = deque()
        self._waiting_bytes = 0
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()
        self._database = ThreadPoolExecutor(1, "database")
        self._trouble = ""
        self._writing = True
        self._status_at = float("-inf")

    def stop(self) -> None:
        """End at once; what is under way in the database is finished or taken back."""
        self._stopping.set()
        self._wake.set()

    async def run(self) -> None:
        """Listen until `stop`."""
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), TICK_SECONDS)
            if not self._stopping.is_set() and not await self._turn():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), RETRY_SECONDS)
        await asyncio.gather(*(ear.close() for ear in self._ears.values()))

    async def _turn(self) -> bool:
        """One batch; False when the database did not take it."""
        batch = self._batch()
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._database, self._work, batch)
        stop = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait((work, stop), return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if not work.done():
            return True
        try:
            outcome = work.result()
        except Error as error:
            self._tell_trouble(f"the database does not take what is heard: {error}".strip())
            return False
        self._tell_trouble("")
        if outcome.more:
            self._wake.set()
        self._hear(outcome.subclusters)
        for subcluster, ask in outcome.asks:
            if subcluster in self._ears:
                self._ears[subcluster].ask(ask)
        for ear in self._ears.values():
            ear.try_broker()
        self._pusher.push(self._ledger.lagging(), time.monotonic())
        return True

    def _work(self, batch: list[Arrival]) -> Outcome:
        """In the database thread."""
        now = Moment(time.monotonic(), datetime.now(UTC))
        try:
            if now.seconds - self._status_at >= STATUS_SECONDS:
                self._listening.refused = sum(self._ledger.refused().values())
                self._listening.write(now)
                self._writing = self._listening.connected or not self._listening.helped(now)
                self._status_at = now.seconds
            return self._ledger.work(batch, self._writing, now)
        except Error:
            connections.close_all()
            raise

    def _batch(self) -> list[Arrival]:
        size = min(BATCH_MESSAGES, len(self._waiting))
        batch = [self._waiting.popleft() for _ in range(size)]
        self._waiting_bytes -= sum(len(one.body) for one in batch)
        if not self._waiting:
            self._wake.clear()
        return batch

    def _heard(self, subcluster: str, body: bytes, user: str) -> None:
        self._waiting.append(Arrival(subcluster, body, user, time.monotonic()))
        self._waiting_bytes += len(body)
        while self._waiting_bytes > WAITING_MAX_BYTES:
            self._waiting_bytes -= len(self._waiting.popleft().body)
        self._wake.set()

    def _hear(self, subclusters: Sequence[str]) -> None:
        """Listen to exactly these."""
        for name in self._ears.keys() - set(subclusters):
            ear = self._ears.pop(name)
            self._say(f"{name}: no longer a subcluster, no longer heard")
            self._closing.add(closing := asyncio.ensure_future(ear.close()))
            closing.add_done_callback(self._closing.discard)
        for name in subclusters:
            if name not in self._ears:
                self._ears[name] = Ear(
                    self._cluster,
                    name,
                    self._brokers,
                    self._ledger.codec(name),
                    partial(self._heard, name),
                    partial(self._changed, name),
                )
        self._describe()

    def _changed(self, subcluster: str, sentence: str) -> None:
        self._say(f"{subcluster}: {sentence}")
        self._status_at = float("-inf")
        self._wake.set()

    def _describe(self) -> None:
        deaf = [f"{name}: {ear.sentence}" for name, ear in self._ears.items() if not ear.up]
        self._listening.connected = not deaf
        whole = next((ear.sentence for ear in self._ears.values()), "there is no subcluster yet")
        self._listening.broker = deaf[0] if deaf else whole

    def _tell_trouble(self, sentence: str) -> None:
        if sentence != self._trouble:
            self._trouble = sentence
            self._say(sentence or "the database takes what is heard again")
