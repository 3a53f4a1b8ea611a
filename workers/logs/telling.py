"""Tells managers how a node's logs are: what the shipper has written down, over the bus.

A thread with a connection of its own. Nothing is kept for managers that are away: only the newest
counts, and it is told again soon; at every look while nobody listens. Invariant: nothing here ends
the thread, and nobody waits for it.
"""

import logging
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pika
from pika.adapters.blocking_connection import BlockingConnection
from pika.exceptions import AMQPError

from workers.bus.codec import Codec, Refused
from workers.bus.connection import broker_parameters
from workers.bus.exchanges import LOGS_STANDING_KEY, logs_exchange
from workers.logs.core.standing import Standing, Subscription, is_due, read_status, shorter

LOOK_SECONDS = 1.0
RETRY_SECONDS = 5.0
CLOSE_SECONDS = 3.0
HEARTBEAT_SECONDS = 10

log = logging.getLogger("muster.logs")


class Teller:
    """One node's. `status`: the file that the shipper writes.

    Raises `BusError` for keys or brokers that cannot be used.
    """

    def __init__(
        self,
        cluster: str,
        subcluster: str,
        node: str,
        keys: Sequence[bytes],
        brokers: Sequence[str],
        status: Path,
    ) -> None:
        self._codec: Codec[Standing] = Codec(cluster, subcluster, keys, Standing)
        self._exchange = logs_exchange(cluster, subcluster)
        self._node = node
        self._brokers = [broker_parameters(address) for address in brokers]
        for one in self._brokers:
            one.heartbeat = HEARTBEAT_SECONDS
        self._status = status
        self._told: tuple[Subscription, ...] | None = None
        self._told_at = float("-inf")
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="telling", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End; it is waited for a moment."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        place = 0
        while self._brokers and not self._over.is_set():
            try:
                self._tell_at(self._brokers[place % len(self._brokers)])
            except (AMQPError, OSError):
                place += 1
            except Exception:
                log.exception("how logs are cannot be told; this is a mistake of Muster's")
            self._over.wait(RETRY_SECONDS)

    def _tell_at(self, parameters: pika.ConnectionParameters) -> None:
        """Tell at one broker until it is lost, or throws us out for want of an exchange."""
        properties = pika.BasicProperties(user_id=parameters.credentials.username, delivery_mode=1)
        with BlockingConnection(parameters) as connection:
            channel = connection.channel()
            self._told = None
            channel.add_on_return_callback(self._unheard)
            while channel.is_open and not self._over.is_set():
                if body := self._due(time.monotonic()):
                    channel.basic_publish(
                        self._exchange, LOGS_STANDING_KEY, body, properties, mandatory=True
                    )
                connection.process_data_events(LOOK_SECONDS)

    def _unheard(self, *_returned: object) -> None:
        """No manager listens: what was told is told again at the next look."""
        self._told = None

    def _due(self, now: float) -> bytes | None:
        """What is to be told now; None: nothing."""
        try:
            found = read_status(self._status.read_bytes())
        except (OSError, ValueError):
            return None  # there is none yet, or a newer shipper wrote it
        if not is_due(self._told, found, now - self._told_at):
            return None
        self._told, self._told_at = found, now
        return self._encoded(Standing(self._node, found))

    def _encoded(self, standing: Standing) -> bytes | None:
        """Its bytes, with fewer files if they would be too many."""
        shown: Standing | None = standing
        while shown is not None:
            try:
                return self._codec.encode(shown)
            except Refused:
                shown = shorter(shown)
        return None
