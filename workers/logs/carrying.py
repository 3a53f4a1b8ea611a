"""Who carries a node's logs to all its subscribers: a thread with one asyncio loop.

Each subscriber has a connection and a `Shipping` of its own, so that one who is away or slow holds
nobody up. Invariant: whatever a broker does, the logs are looked at each second, so that what is
rotated away is held, and what is given up is told.
"""

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from workers.bus.errors import BusError
from workers.bus.keys import load_keys
from workers.files import locks
from workers.logs.checkpoints import DIRECTORY, forget_others
from workers.logs.core.definitions import Logs, Subscriber
from workers.logs.core.messages import Message, Shipment
from workers.logs.shipper_link import Link, LinkError
from workers.logs.shipping import Identity, Shipping
from workers.logs.shipping_status import StatusFile
from workers.logs.wire import WireError, packed, read

TICK_SECONDS = 0.2
"""So often is looked whether a log has grown."""
PAUSE_SECONDS, PAUSE_MAX_SECONDS = 0.5, 8.0
"""Until a connection is tried again."""
LOOK_SECONDS = 1.0
KEYS_SECONDS = 10.0
"""So often the keys are read again, though no answer asks for it: with a key that the subscriber
does not know any more, none ever comes."""
LOCK_SECONDS = 2.0
log = logging.getLogger("muster.logs")


@dataclass(frozen=True, slots=True)
class Node:
    """Whose logs they are, and how brokers are reached."""

    cluster: str
    subcluster: str
    name: str
    brokers: tuple[str, ...]
    key_file: Path
    state: Path


class Carrier:
    """Serves one subscriber. Raises `BusError` for keys or brokers that cannot be used."""

    def __init__(self, node: Node, subscriber: Subscriber) -> None:
        self._node = node
        self._keys = load_keys(node.key_file)
        self._keys_after = time.monotonic() + KEYS_SECONDS
        self._link = Link(node.brokers, node.cluster, node.subcluster, node.name, subscriber.name)
        self.shipping = Shipping(
            Identity(node.subcluster, node.name),
            subscriber,
            node.state,
            self._send,
            time.monotonic(),
        )
        self._pause = PAUSE_SECONDS
        self._said = ""

    async def run(self) -> None:
        """Serve until it is cancelled."""
        try:
            while True:
                try:
                    await self._serve()
                except LinkError as error:
                    self._say(f"not connected: {error}; it is tried again")
                self.shipping.lost(time.monotonic())
                await self._rest()
        finally:
            self._link.close()
            self.shipping.save(time.monotonic(), at_once=True)
            self.shipping.close()

    async def _serve(self) -> None:
        """Connect, and serve until the connection is lost."""
        self._look(ready=False)
        await self._link.open()
        self._say(f"served through {self._link.broker}")
        began = time.monotonic()
        while True:
            self.shipping.connected(taking=self._link.taking)
            if time.monotonic() >= self._keys_after:
                self._read_keys(time.monotonic())
            more = self._look(ready=self._link.ready)
            bodies, refused = await self._link.wait(0 if more else TICK_SECONDS)
            now = time.monotonic()
            for body in bodies:
                self._hear(body, now)
            if refused:
                self.shipping.refused(now)
            if now - began > PAUSE_MAX_SECONDS:
                self._pause = PAUSE_SECONDS

    async def _rest(self) -> None:
        """Wait, ever longer, and look at the logs meanwhile."""
        end = time.monotonic() + self._pause
        self._pause = min(PAUSE_MAX_SECONDS, 2 * self._pause)
        while (left := end - time.monotonic()) > 0:
            self._look(ready=False)
            await asyncio.sleep(min(left, LOOK_SECONDS))

    def _look(self, *, ready: bool) -> bool:
        return self.shipping.round(time.monotonic(), time.time(), ready=ready)

    def _send(self, shipment: Shipment) -> None:
        self._link.send(packed(shipment, self._keys))

    def _hear(self, body: bytes, now: float) -> None:
        """Take an answer, if it is for this node and from this subscriber."""
        try:
            message = self._opened(body, now)
        except BusError as error:
            log.warning("%s: an answer is refused: %s", self.shipping.subscriber.name, error)
            return
        whose = (self.shipping.subscriber.name, self._node.subcluster, self._node.name)
        if not isinstance(message, Shipment) and whose == (
            message.subscriber,
            message.subcluster,
            message.node,
        ):
            self.shipping.heard(message, now)

    def _opened(self, body: bytes, now: float) -> Message:
        """The message; the keys may have been changed since they were read."""
        try:
            return read(body, self._keys)
        except WireError:
            self._read_keys(now)
            return read(body, self._keys)

    def _read_keys(self, now: float) -> None:
        """Sign with what the file has now; what another key signed may have been refused."""
        self._keys_after = now + KEYS_SECONDS
        try:
            keys = load_keys(self._node.key_file)
        except BusError as error:
            log.warning("the cluster keys of before are used: %s", error)
            return
        if keys[0] != self._keys[0]:
            self.shipping.send_again(now)
        self._keys = keys

    def _say(self, sentence: str) -> None:
        """Tell once what is the matter, or that it is over."""
        if sentence != self._said:
            self._said = sentence
            log.warning("%s: %s", self.shipping.subscriber.name, sentence)


class Carriers:
    """All of a node's. `logs()`: what the definitions say now, None as long as there are none."""

    def __init__(self, node: Node, logs: Callable[[], Logs | None]) -> None:
        self._node = node
        self._logs = logs
        self._followed: Logs | None = None
        self._serving: dict[str, tuple[Carrier, asyncio.Task[None]]] = {}
        self._status = StatusFile(node.state)
        self._loop = asyncio.new_event_loop()
        self._ended = asyncio.Event()

    def run(self) -> None:
        """Carry until `stop`; raises `BusError` or `OSError` when it cannot begin or go on."""
        try:
            with _locked(self._node.state):
                self._loop.run_until_complete(self._carry())
        finally:
            self._loop.close()

    def stop(self) -> None:
        """End `run` soon; from any thread."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._ended.set)

    async def _carry(self) -> None:
        try:
            while not self._ended.is_set():
                await self._follow()
                self._tell()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._ended.wait(), LOOK_SECONDS)
        finally:
            for name in list(self._serving):
                await self._leave(name)

    async def _follow(self) -> None:
        """Serve whom the definitions name; raises what ended a carrier."""
        for _, task in self._serving.values():
            if task.done():
                task.result()
        logs = self._logs()
        if logs is None or logs == self._followed:
            return
        subscribers = {one.name: one for one in logs.subscribers}
        for name in self._serving.keys() - subscribers:
            await self._leave(name)
        forget_others(self._node.state, frozenset(subscribers))
        for name, subscriber in subscribers.items():
            if name not in self._serving:
                carrier = Carrier(self._node, subscriber)
                self._serving[name] = carrier, asyncio.create_task(carrier.run())
            sources = logs.of_node(self._node.name)
            self._serving[name][0].shipping.follow(sources, subscriber)
        self._followed = logs

    async def _leave(self, name: str) -> None:
        _, task = self._serving.pop(name)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    def _tell(self) -> None:
        now = time.monotonic()
        if self._status.due(now):
            with contextlib.suppress(OSError):
                self._status.tell([c.shipping.status(now) for c, _ in self._serving.values()], now)


@contextlib.contextmanager
def _locked(state: Path) -> Iterator[None]:
    """Have the state directory's logs for this process alone; raises `OSError`, `TakenError`."""
    directory = state / DIRECTORY
    directory.mkdir(parents=True, exist_ok=True)
    lock = locks.take(directory / "lock", LOCK_SECONDS)
    try:
        yield
    finally:
        os.close(lock)
