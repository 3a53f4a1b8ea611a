"""A place in a room on the bus that outlives brokers: fail-over through a list of addresses.

After a loss the next broker is tried almost at once; the delay doubles with each round of the whole
list that failed, up to `DELAY_MAX_SECONDS`, for ever. Nothing is kept while no broker listens: what
cannot be sent now is dropped and counted, since a heartbeat is worth nothing later. Nothing raises.
"""

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import pika

from workers.bus.errors import BusError
from workers.bus.exchanges import Room
from workers.bus.session import (
    BLOCKED_SECONDS,
    HEARTBEAT_SECONDS,
    Listener,
    Session,
)

DELAY_SECONDS = 0.05
DELAY_MAX_SECONDS = 1.0
STEADY_SECONDS = 5.0
"""A place held for less counts as a failed try: some brokers let us in only to throw us out."""


@dataclass(slots=True)
class Counts:
    """What went over the connection since the start."""

    published: int = 0
    dropped: int = 0
    attempts: int = 0
    losses: int = 0


class Connection:
    """Stays in `room` as long as any of `brokers` (amqp:// addresses, tried in turn) lets it.

    `heard(body, user_id)` for every message, our own too; `changed(up, sentence)` when the place is
    gained or lost, and once when the first try fails. `speak`: the exchange to publish to, when it
    is not the room's own.
    """

    def __init__(
        self,
        brokers: Sequence[str],
        room: Room,
        heard: Callable[[bytes, str], None],
        changed: Callable[[bool, str], None],
        speak: str = "",
    ) -> None:
        self._speak = speak
        self._parameters = [broker_parameters(address) for address in brokers]
        self._room = room
        self._changed = changed
        self._listener = Listener(heard, self._session_changed, self._session_ended)
        self._session: Session | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._place = 0
        self._failures = 0
        self._make = ""
        self._told: bool | None = None
        self._up_since = math.inf
        self._closed = False
        self.counts = Counts()

    @property
    def up(self) -> bool:
        """Whether messages can be sent and heard now."""
        return self._session is not None and self._session.up

    @property
    def broker(self) -> str:
        """Address and port of the broker in use or being tried; never a password."""
        if not self._parameters:
            return ""
        parameters = self._parameters[self._place]
        return f"{parameters.host}:{parameters.port}"

    def open(self) -> None:
        """Begin; the running loop does the rest."""
        if self._parameters:
            self._try()
        else:
            self._tell(False, "no broker is configured")

    def publish(self, body: bytes) -> bool:
        """Send `body` to everybody in the room, or drop it when that cannot be done at once."""
        taken = self._session is not None and self._session.publish(body)
        if taken:
            self.counts.published += 1
        else:
            self.counts.dropped += 1
        return taken

    def read(self) -> None:
        """Take in what has arrived and call `heard` for it now."""
        if self._session is not None:
            self._session.read()

    def change_room(self, room: Room) -> None:
        """Take a place in another room, or in the same with other queue arguments."""
        if room == self._room:
            return
        self._room = room
        if self._session is not None:
            self._session.leave("the room changed")

    async def close(self) -> None:
        """Leave for good; what was published is delivered if the broker is well."""
        self._closed = True
        if self._retry is not None:
            self._retry.cancel()
        if self._session is not None:
            await self._session.close()

    def _try(self) -> None:
        self._retry = None
        self._up_since = math.inf
        self.counts.attempts += 1
        self._session = Session(
            self._parameters[self._place],
            self._room,
            self._listener,
            speak=self._speak or self._room.exchange,
            make=self._make,
        )

    def _session_changed(self, up: bool) -> None:
        if up:
            self._up_since = min(self._up_since, asyncio.get_running_loop().time())
            self._tell(True, f"in the room at {self.broker}")
        else:
            self._tell(False, f"lost {self.broker}")

    def _session_ended(self, sentence: str) -> None:
        # A missing exchange is made on the next try at the same broker, if our account may.
        self._make = self._session.missing if self._session is not None else ""
        self._session = None
        if self._closed:
            return
        self._tell(False, f"{self.broker}: {sentence}")
        self._count_failure()
        if not self._make:
            self._place = (self._place + 1) % len(self._parameters)
        rounds = self._failures // len(self._parameters)
        delay = min(DELAY_MAX_SECONDS, DELAY_SECONDS * 2 ** min(rounds, 10))
        self._retry = asyncio.get_running_loop().call_later(delay, self._try)

    def _count_failure(self) -> None:
        held_seconds = asyncio.get_running_loop().time() - self._up_since
        self.counts.losses += held_seconds >= 0
        self._failures = 0 if held_seconds >= STEADY_SECONDS else self._failures + 1

    def _tell(self, up: bool, sentence: str) -> None:
        if self._closed or up == self._told:
            return
        self._told = up
        self._changed(up, sentence)


def broker_parameters(address: str) -> pika.ConnectionParameters:
    """How pika is told about the broker at `address`; raises `BusError` without its password."""
    try:
        parts = urlsplit(address)
        shown = f"{parts.scheme}://{parts.hostname}:{parts.port or ''}"
    except ValueError as error:
        raise BusError(f"a broker's address is not understood: {error}") from None
    if parts.scheme != "amqp" or not (parts.hostname and parts.username and parts.password):
        raise BusError(f"broker {shown}: the address must be amqp://USER:PASSWORD@HOST:PORT/")
    try:
        parameters = pika.URLParameters(address)
    except Exception as error:  # of many kinds: pika reads each option in its own way
        raise BusError(f"broker {shown}: the address is not understood: {error}") from None
    if not parameters.virtual_host:
        parameters.virtual_host = "/"
    parameters.heartbeat = HEARTBEAT_SECONDS
    parameters.blocked_connection_timeout = BLOCKED_SECONDS
    return parameters
