"""Tells managers over the bus: a thread with a connection of its own, and little that waits.

While no broker lets it in, only the reports of applications are kept, the newest `KEPT`; the rest
is told anew when one does (`back`). Reports on their way to a broker that was lost are sent again,
with the same sequence. Invariant: `say` never waits and never raises.
"""

import asyncio
import contextlib
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence

from workers.bus.codec import Codec, Refused
from workers.bus.connection import Connection
from workers.bus.exchanges import config_exchange, control_room
from workers.config.core.messages import Applied, Message, shorter

KEPT = 100
WAITING_MAX = 500
UNSURE_SECONDS = 3.0
"""A broker that answers nothing is left within that time: what it was sent may be lost."""
RETRY_SECONDS = 0.05
"""When the connection has as much to send as it takes."""
CLOSE_SECONDS = 1.0

log = logging.getLogger("muster")


class Speaker:
    """Speaks in the room of a subcluster's configuration; `back()` when it can be heard again.

    Raises `BusError` for keys or brokers that cannot be used.
    """

    def __init__(
        self,
        cluster: str,
        subcluster: str,
        keys: Sequence[bytes],
        brokers: Sequence[str],
        back: Callable[[], None],
    ) -> None:
        self._codec: Codec[Message] = Codec(cluster, subcluster, keys, Message)
        self._back = back
        self._waiting: deque[Message] = deque(maxlen=WAITING_MAX)
        self._unsure: deque[tuple[float, Applied]] = deque(maxlen=KEPT)
        self._retrying = False
        self._loop = asyncio.new_event_loop()
        self._closing = asyncio.Event()
        self._connection = Connection(
            brokers,
            control_room(cluster, subcluster),
            lambda _body, _user: None,
            self._changed,
            speak=config_exchange(cluster, subcluster),
        )
        self._thread = threading.Thread(target=self._run, name="speaker", daemon=True)

    def start(self) -> None:
        """Begin to look for a broker."""
        self._thread.start()

    def say(self, message: Message) -> None:
        """Tell the managers, from any thread."""
        with contextlib.suppress(RuntimeError):  # it is closed
            self._loop.call_soon_threadsafe(self._take, message)

    def close(self) -> None:
        """Leave; what was said is delivered if the broker is well."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._speak())
        finally:
            self._loop.close()

    async def _speak(self) -> None:
        self._connection.open()
        await self._closing.wait()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._connection.close(), CLOSE_SECONDS)

    def _take(self, message: Message) -> None:
        if self._connection.up or isinstance(message, Applied):
            self._waiting.append(message)
            self._send()

    def _changed(self, up: bool, sentence: str) -> None:
        log.info("configuration: managers %s: %s", "heard" if up else "not heard", sentence)
        if up:
            self._send()
            self._back()
        else:
            since = self._loop.time() - UNSURE_SECONDS
            unsure = [applied for at, applied in self._unsure if at >= since]
            kept = [one for one in self._waiting if isinstance(one, Applied)]
            self._unsure.clear()
            self._waiting.clear()
            self._waiting.extend((*unsure, *kept)[-KEPT:])

    def _send(self) -> None:
        """Send what waits, in its order, as far as the connection takes it."""
        while self._waiting and self._connection.up:
            message = self._waiting[0]
            body = self._encoded(message)
            if body is not None and not self._connection.publish(body):
                self._retry()
                return
            if isinstance(message, Applied):
                self._unsure.append((self._loop.time(), message))
            # Publishing may have found that the connection is lost, and put the list in order.
            if self._waiting and self._waiting[0] is message:
                self._waiting.popleft()

    def _retry(self) -> None:
        def again() -> None:
            self._retrying = False
            self._send()

        if not self._retrying:
            self._retrying = True
            self._loop.call_later(RETRY_SECONDS, again)

    def _encoded(self, message: Message) -> bytes | None:
        """Its bytes, with fewer details if they would be too many; None: that does not help."""
        shown: Message | None = message
        while shown is not None:
            with contextlib.suppress(Refused):
                return self._codec.encode(shown)
            shown = shorter(shown)
        log.error("configuration: a message to the managers is too large and was not sent")
        return None
