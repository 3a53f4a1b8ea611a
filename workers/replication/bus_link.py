"""A node's place in a room where nodes tell one another what they count.

What changed is said at once; what others asked for is sent piece by piece, as fast as the broker
hands it out: it has done so when a piece comes back to us. Nothing is kept for a broker that is
away: whoever lacks something asks again. Invariant: `heard` is called only for messages that are
signed with a key of the cluster and come from the account that they name; nothing here raises.
"""

import logging
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar
from urllib.parse import unquote, urlsplit

from workers.bus.codec import Codec, Refused
from workers.bus.connection import Connection
from workers.bus.exchanges import replication_room

ON_THE_WAY_BYTES = 256 << 10
"""Of what has not come back yet: then the next piece waits."""
SENT_MAX = 1_000
LATE_MAX = 64
"""Messages that found no room at the socket."""
FAULT = "it could not be taken"
FOREIGN = "it names another sender than its account"
log = logging.getLogger("muster.replication")

M = TypeVar("M")


class Link(Generic[M]):
    """To one room. `message_type`: of messages with a field `sender`.

    `speaks(user, message)`: whether that account may say that; `owed()`: the next piece that
    somebody asked for, None without any. Raises `BusError` for keys or
    brokers that cannot be used. For one asyncio loop.
    """

    def __init__(
        self,
        brokers: Sequence[str],
        exchange: str,
        codec: Codec[M],
        heard: Callable[[M], None],
        changed: Callable[[bool, str], None],
        speaks: Callable[[str, M], bool],
        owed: Callable[[], M | None],
    ) -> None:
        self.codec = codec
        """May be replaced when the keys change."""
        self._heard, self._changed, self._speaks, self._owed = heard, changed, speaks, owed
        self._accounts = {unquote(urlsplit(address).username or "") for address in brokers}
        self._connection = Connection(brokers, replication_room(exchange), self._hear, self._change)
        self._sent: deque[bytes] = deque()
        self._late: deque[bytes] = deque(maxlen=LATE_MAX)
        self._on_the_way = 0
        self.published_bytes = self.heard_bytes = 0
        self.refused: Counter[str] = Counter()

    @property
    def up(self) -> bool:
        """Whether others hear us now."""
        return self._connection.up

    @property
    def broker(self) -> str:
        """Host and port of the broker in use, empty without one."""
        return self._connection.broker if self.up else ""

    @property
    def ready(self) -> bool:
        """Whether more may be said now."""
        return self.up and not self._late

    def open(self) -> None:
        """Begin to look for a broker; the running loop does the rest."""
        self._connection.open()

    async def close(self) -> None:
        """Leave; what was said is delivered if the broker is well."""
        self._flush()
        await self._connection.close()

    def say(self, message: M) -> bool:
        """Tell everybody at once, or as soon as the socket takes it; nobody while there is none.

        False: it is too large for a message.
        """
        try:
            body = self.codec.encode(message)
        except Refused as error:
            self._refuse(f"not sent: {error.refusal.value}")
            return False
        if self.up:
            self._late.append(body)
            self._flush()
        return True

    def tick(self) -> None:
        """Go on with what waits and what is owed; call it often."""
        self._flush()
        self._go_on()

    def _flush(self) -> None:
        while self._late and self.up and self._connection.publish(self._late[0]):
            # Publishing may have found that the connection is lost, and forgotten what waits.
            if self._late:
                self._count(self._late.popleft())

    def _count(self, body: bytes) -> None:
        if len(self._sent) >= SENT_MAX:
            self._on_the_way -= len(self._sent.popleft())
        self._sent.append(body)
        self._on_the_way += len(body)
        self.published_bytes += len(body)

    def _go_on(self) -> None:
        """Send one piece, unless too much is on its way: making one takes a few milliseconds."""
        if self.ready and self._on_the_way < ON_THE_WAY_BYTES:
            message = self._owed()
            if message is not None:
                self.say(message)

    def _hear(self, body: bytes, user: str) -> None:
        if user in self._accounts and body in self._sent:
            while (sent := self._sent.popleft()) != body:  # the broker threw it away
                self._on_the_way -= len(sent)
            self._on_the_way -= len(body)
            self._go_on()
            return
        self.heard_bytes += len(body)
        try:
            message = self.codec.decode(body)
        except Refused as error:
            self._refuse(error.refusal.value)
            return
        if not self._speaks(user, message):
            self._refuse(FOREIGN)
            return
        try:
            self._heard(message)
        except Exception:  # what came with it is to be heard all the same
            if not self.refused[FAULT]:
                log.exception("replication: a message could not be taken; this is Muster's mistake")
            self.refused[FAULT] += 1

    def _change(self, up: bool, sentence: str) -> None:
        self._sent.clear()
        self._late.clear()
        self._on_the_way = 0
        self._changed(up, sentence)

    def _refuse(self, why: str) -> None:
        if not self.refused[why]:
            log.warning("replication: a message was refused: %s", why)
        self.refused[why] += 1
