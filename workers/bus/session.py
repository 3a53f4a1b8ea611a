"""One connection to one broker, from the first packet until it is left: join the room, hear, speak.

The broker is left when it does not let us in within `JOIN_SECONDS`, blocks publishers, or when what
we publish does not come back to our own queue for `ECHO_SECONDS`: a hung broker keeps its TCP
connection for as long as its kernel lives. Invariant: `ended` is called exactly once.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pika
import pika.connection

from workers.bus.exchanges import Room
from workers.bus.stream import Stream

JOIN_SECONDS = 1.0
ECHO_SECONDS = 1.5
CLOSE_SECONDS = 0.5
HEARTBEAT_SECONDS = 2
BLOCKED_SECONDS = 1.0
WAITING_MAX_BYTES = 256 * 1024
NOT_FOUND = 404
"""AMQP's reply code for a room that does not exist."""


@dataclass(frozen=True, slots=True)
class Listener:
    """Who is told: `heard(body, user_id)`, `changed(up)`, `ended(sentence)`."""

    heard: Callable[[bytes, str], None]
    changed: Callable[[bool], None]
    ended: Callable[[str], None]


class Session:
    """A try to be in `room` at the broker of `parameters`; `make_room` if it may be missing."""

    def __init__(
        self,
        parameters: pika.ConnectionParameters,
        room: Room,
        listener: Listener,
        *,
        make_room: bool,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._room = room
        self._listener = listener
        self._make_room = make_room
        self._user = parameters.credentials.username
        self._properties = pika.BasicProperties(user_id=self._user, delivery_mode=1)
        self._channel: Any = None
        self._unanswered_since: float | None = None
        self._over = asyncio.Event()
        self._inbox: list[tuple[bytes, str]] = []
        self._blocked = False
        self._in_the_room = False
        self.up = False
        self.room_missing = False
        self._joining = self._loop.call_later(JOIN_SECONDS, self._too_late)
        self._stream = Stream(parameters, self._opened, self._ended)
        self._stream.add_on_connection_blocked_callback(lambda *_: self._set_blocked(True))
        self._stream.add_on_connection_unblocked_callback(lambda *_: self._set_blocked(False))

    def publish(self, body: bytes) -> bool:
        """Send to the room; False when it cannot be taken now, and then it is dropped."""
        if not self.up:
            return False
        now = self._loop.time()
        if self._unanswered_since is not None and now - self._unanswered_since > ECHO_SECONDS:
            self._stream.read()  # the answer may be waiting: then only our own loop was late
            if self._unanswered_since is not None:
                self.leave(f"nothing came back for {ECHO_SECONDS} s")
        if not self.up or self._stream.waiting_bytes > WAITING_MAX_BYTES:
            return False
        if self._unanswered_since is None:
            self._unanswered_since = now
        self._channel.basic_publish(self._room.exchange, "", body, self._properties)
        return True

    def read(self) -> None:
        """Take in and hand on everything that has arrived."""
        self._stream.read()
        self._hand_on()

    def leave(self, sentence: str) -> None:
        """End it at once."""
        self._in_the_room = False
        self._compare()
        self._stream.abort(sentence)

    async def close(self) -> None:
        """End it in order, so that everything published is delivered; at once when that hangs."""
        if self._in_the_room:
            self._in_the_room = False
            self._compare()
            self._stream.close()
            try:
                await asyncio.wait_for(self._over.wait(), CLOSE_SECONDS)
            except TimeoutError:
                self.leave("it did not confirm the end")
        else:
            self.leave("no longer wanted")
        if not self._over.is_set():
            await asyncio.sleep(0)  # the stream ends in the loop's next round
            await asyncio.sleep(0)

    def _opened(self, _stream: pika.connection.Connection) -> None:
        self._stream.channel(on_open_callback=self._channel_opened)

    def _channel_opened(self, channel: Any) -> None:
        self._channel = channel
        channel.add_on_close_callback(self._channel_closed)
        passive = not self._make_room
        channel.exchange_declare(
            self._room.exchange, "fanout", passive=passive, durable=True, callback=self._declare
        )

    def _declare(self, _frame: Any) -> None:
        arguments = self._room.queue_arguments
        self._channel.queue_declare("", exclusive=True, arguments=arguments, callback=self._bind)

    def _bind(self, frame: Any) -> None:
        queue = frame.method.queue
        self._channel.queue_bind(
            queue, self._room.exchange, callback=lambda _frame: self._consume(queue)
        )

    def _consume(self, queue: str) -> None:
        self._channel.basic_consume(
            queue, self._heard, auto_ack=True, exclusive=True, callback=self._joined
        )

    def _joined(self, _frame: Any) -> None:
        self._joining.cancel()
        self._channel.add_on_cancel_callback(lambda _frame: self.leave("our queue was removed"))
        self._in_the_room = True
        self._compare()

    def _heard(self, _channel: Any, _method: Any, properties: Any, body: bytes) -> None:
        user = str(properties.user_id or "")
        if user == self._user:
            self._unanswered_since = None
        # Handed on by the loop: what the listener raises is no fault of the broker's.
        if not self._inbox:
            self._loop.call_soon(self._hand_on)
        self._inbox.append((body, user))

    def _hand_on(self) -> None:
        inbox, self._inbox = self._inbox, []
        for body, user in inbox:
            self._listener.heard(body, user)

    def _too_late(self) -> None:
        self.leave(f"it did not let us in within {JOIN_SECONDS} s")

    def _channel_closed(self, _channel: Any, reason: Any) -> None:
        self.room_missing = getattr(reason, "reply_code", 0) == NOT_FOUND
        self.leave(f"it closed the channel: {reason}")

    def _ended(self, _stream: pika.connection.Connection, reason: BaseException) -> None:
        self._joining.cancel()
        if not self._over.is_set():
            self._over.set()
            self._in_the_room = False
            self._compare()
            self._listener.ended(str(reason) or type(reason).__name__)

    def _set_blocked(self, blocked: bool) -> None:
        self._blocked = blocked
        self._compare()

    def _compare(self) -> None:
        """Tell the listener when messages can be sent and heard, or no longer."""
        up = self._in_the_room and not self._blocked
        if up != self.up:
            self.up = up
            self._unanswered_since = None
            self._listener.changed(up)
