"""One connection to one broker, from the first packet until it is left: join the room, hear, speak.

The broker is left when it does not let us in within `JOIN_SECONDS`, blocks publishers, or when what
we publish is not answered for `ECHO_SECONDS`: a hung broker keeps its TCP connection for as long as
its kernel lives. What goes to the room we hear is answered by coming back to our own queue, what
goes to another exchange by the broker's confirmation. Invariant: `ended` is called exactly once.
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
TIMER_SLACK_SECONDS = 0.01
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
    """A try to be in `room` at the broker of `parameters`, and to publish to exchange `speak`.

    `make`: an exchange known to be missing, to be made.
    """

    def __init__(
        self,
        parameters: pika.ConnectionParameters,
        room: Room,
        listener: Listener,
        *,
        speak: str,
        make: str,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._room = room
        self._listener = listener
        self._speak = speak
        self._make = make
        self._user = parameters.credentials.username
        self._properties = pika.BasicProperties(user_id=self._user, delivery_mode=1)
        self._channel: Any = None
        self._unanswered_since: float | None = None
        self._over = asyncio.Event()
        self._inbox: list[tuple[bytes, str]] = []
        self._blocked = False
        self._in_the_room = False
        self.up = False
        self.missing = ""
        """An exchange that the broker does not have, once that ended it."""
        self._declaring = ""
        self._joining = self._loop.call_later(JOIN_SECONDS, self._too_late)
        self._stream = Stream(parameters, self._opened, self._ended, self.read)
        self._stream.add_on_connection_blocked_callback(lambda *_: self._set_blocked(True))
        self._stream.add_on_connection_unblocked_callback(lambda *_: self._set_blocked(False))

    def publish(self, body: bytes) -> bool:
        """Send to the room; False when it cannot be taken now, and then it is dropped."""
        if not self.up:
            return False
        self._expect_answer()
        if not self.up or self._stream.waiting_bytes > WAITING_MAX_BYTES:
            return False
        if self._unanswered_since is None:
            self._unanswered_since = self._loop.time()
            if not self._echoes:  # nothing else may be published for long
                self._loop.call_later(ECHO_SECONDS + TIMER_SLACK_SECONDS, self._expect_answer)
        self._channel.basic_publish(self._speak, "", body, self._properties)
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

    @property
    def _echoes(self) -> bool:
        """Whether what we publish comes back to us."""
        return self._speak == self._room.exchange

    def _opened(self, _stream: pika.connection.Connection) -> None:
        self._stream.channel(on_open_callback=self._channel_opened)

    def _channel_opened(self, channel: Any) -> None:
        self._channel = channel
        channel.add_on_close_callback(self._channel_closed)
        self._find(self._room.exchange, self._find_other)

    def _find_other(self, _frame: Any) -> None:
        if self._echoes:
            self._declare()
        else:
            self._find(self._speak, self._ask_for_confirms)

    def _ask_for_confirms(self, _frame: Any) -> None:
        self._channel.confirm_delivery(self._confirmed, self._declare)

    def _find(self, exchange: str, then: Callable[[Any], None]) -> None:
        """Make sure that an exchange exists; making it takes a right that few accounts have."""
        self._declaring = exchange
        passive = exchange != self._make
        self._channel.exchange_declare(
            exchange, "fanout", passive=passive, durable=True, callback=then
        )

    def _declare(self, _frame: Any = None) -> None:
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
        self._stream.deliver = self._take
        self._compare()

    def _heard(self, _channel: Any, _method: Any, properties: Any, body: bytes) -> None:
        self._take(body, str(properties.user_id or ""))

    def _take(self, body: bytes, user: str) -> None:
        if self._echoes and user == self._user:
            self._unanswered_since = None
        # Handed on when the stream is done: what the listener raises is no fault of the broker's.
        self._inbox.append((body, user))

    def _confirmed(self, _frame: Any) -> None:
        self._unanswered_since = None

    def _expect_answer(self) -> None:
        """Leave a broker that has not answered what was published for too long."""
        since, now = self._unanswered_since, self._loop.time()
        if since is None or now - since <= ECHO_SECONDS:
            return
        self._stream.read()  # the answer may be waiting: then only our own loop was late
        self._loop.call_soon(self._hand_on)  # not under the one who publishes
        if self._unanswered_since is not None:
            self.leave(f"nothing came back for {ECHO_SECONDS} s")

    def _hand_on(self) -> None:
        inbox, self._inbox = self._inbox, []
        for body, user in inbox:
            self._listener.heard(body, user)

    def _too_late(self) -> None:
        self.leave(f"it did not let us in within {JOIN_SECONDS} s")

    def _channel_closed(self, _channel: Any, reason: Any) -> None:
        if getattr(reason, "reply_code", 0) == NOT_FOUND:
            self.missing = self._declaring
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
