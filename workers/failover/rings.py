"""The two paths for messages: ring A (the fanout room of the bus) and ring B (UDP between nodes).

Bytes in, events out; `Send` in, bytes out on both. Invariant: nothing that arrives, or fails to be
sent, raises; it is counted, by ring and reason. No event is delivered while `send` or `redefine`
runs. What is old, replayed or of an unknown node is the machine's business.
"""

import asyncio
import contextlib
import errno
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from workers.bus.codec import Codec, Refusal, Refused
from workers.bus.connection import Connection
from workers.bus.exchanges import Room, heartbeat_room
from workers.failover.core.actions import Send
from workers.failover.core.definitions import Definitions
from workers.failover.core.events import Received, Ring, RingChanged
from workers.failover.core.messages import Heartbeat, Message

RECEIVE_BUFFER_BYTES = 1 << 20
"""Ten seconds of messages from a dozen peers, asked every 50 ms, while the process stands still."""
DATAGRAM_BYTES = 1 << 16
READS_MAX = 256
"""Datagrams per turn of the loop, so that a flood cannot hold it."""
DRAINS_MAX = 2048
TWINS_MAX = 128
"""Messages of one ring that are remembered, to be known when they come on the other."""
BIND_RETRY_SECONDS = 1.0
LOW_DELAY = 0x10


class RingRefusal(Enum):
    """Why a well-signed message was not handed on; the value is the sentence shown to people."""

    WRONG_SENDER = "the broker vouches for another account than the node it claims to be from"
    REFLECTED = "it is this node's own, come back on ring B"


@dataclass(slots=True)
class RingCounts:
    """What happened on one ring since the start."""

    sent: int = 0
    sent_bytes: int = 0
    dropped: int = 0
    """Not sent because the ring was down or full."""
    received: int = 0
    received_bytes: int = 0
    refused: Counter[Refusal | RingRefusal] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    """Failed sends on ring B, by name of the error (ENETUNREACH, ...)."""


class Rings:
    """Both rings of one node. `deliver` gets `Received` and `RingChanged`.

    Raises `BusError` when a key or a broker's address is not usable.
    """

    def __init__(
        self,
        node: str,
        definitions: Definitions,
        keys: Sequence[bytes],
        brokers: Sequence[str],
        deliver: Callable[[Received | RingChanged], None],
    ) -> None:
        self._me = node
        self._deliver = deliver
        self._codec: Codec[Message] = Codec(
            definitions.cluster, definitions.subcluster, keys, Message
        )
        self._definitions = definitions
        self._peers = _peer_addresses(node, definitions)
        self._connection = Connection(brokers, _room(definitions), self._heard_a, self._changed_a)
        self._socket: socket.socket | None = None
        self._rebind: asyncio.TimerHandle | None = None
        self._incarnation = -1
        self._twins: dict[bytes, Message] = {}
        """Bytes read and checked a moment ago -> message."""
        self._told: dict[Ring, bool] = {}
        self.counts = {ring: RingCounts() for ring in Ring}
        self.ring_a_echo_at: float | None = None
        """When this node's own message last came back on ring A (monotonic seconds)."""
        self.ring_a_sentence = "not tried yet"
        self.ring_b_sentence = "not tried yet"

    @property
    def broker(self) -> str:
        """The broker in use or being tried, as address:port; empty without brokers."""
        return self._connection.broker

    def open(self) -> None:
        """Bind ring B and look for a broker; a RingChanged follows for each."""
        self._loop = asyncio.get_running_loop()
        self._bind()
        self._connection.open()

    def send(self, action: Send) -> None:
        """Send on the rings the action names; failures are counted."""
        message = action.message
        if isinstance(message, Heartbeat):
            self._incarnation = message.incarnation
        try:
            data = self._codec.encode(message)
        except Refused as refused:
            self.counts[Ring.B].errors[refused.refusal.name] += 1
            return
        if action.ring_b:
            for name in action.to or self._peers:
                self._send_b(name, data)
        if action.ring_a:
            self._send_a(data)

    def redefine(self, definitions: Definitions) -> None:
        """Follow new addresses, ports and `dead_after`."""
        old, self._definitions = self._definitions, definitions
        self._peers = _peer_addresses(self._me, definitions)
        if old.nodes.get(self._me) != definitions.nodes.get(self._me):
            self._bind()
        self._connection.change_room(_room(definitions))

    def drain(self) -> None:
        """Deliver everything that waits in the sockets, before returning."""
        self._read_b(DRAINS_MAX)
        self._connection.read()

    async def close(self) -> None:
        """Leave both rings; what was sent before is delivered."""
        self._unbind()
        await self._connection.close()

    # Ring B.

    def _bind(self) -> None:
        self._unbind()
        me = self._definitions.nodes.get(self._me)
        if me is None:
            self._changed(Ring.B, False)
            self.ring_b_sentence = f"node {self._me} is not in the definitions"
            return
        where = f"{me.address}, UDP port {me.ring_port}"
        try:
            self._socket = _bound(me.address, me.ring_port)
        except OSError as error:
            self.ring_b_sentence = f"cannot bind {where}: {error.strerror}"
            self._rebind = self._loop.call_later(BIND_RETRY_SECONDS, self._bind)
            self._changed(Ring.B, False)
            return
        self.ring_b_sentence = f"bound to {where}"
        self._loop.add_reader(self._socket, self._read_b)
        self._changed(Ring.B, True)

    def _unbind(self) -> None:
        if self._rebind is not None:
            self._rebind.cancel()
            self._rebind = None
        if self._socket is not None:
            self._loop.remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def _send_b(self, name: str, data: bytes) -> None:
        counts, address = self.counts[Ring.B], self._peers.get(name)
        if self._socket is None or address is None:
            counts.dropped += 1
            return
        try:
            self._socket.sendto(data, address)
        except OSError as error:
            counts.errors[errno.errorcode.get(error.errno or 0, str(error))] += 1
        else:
            counts.sent += 1
            counts.sent_bytes += len(data)

    def _read_b(self, limit: int = READS_MAX) -> None:
        for _ in range(limit):
            if self._socket is None:
                return
            try:
                data = self._socket.recv(DATAGRAM_BYTES)
            except BlockingIOError:
                return
            except OSError as error:
                self.counts[Ring.B].errors[errno.errorcode.get(error.errno or 0, str(error))] += 1
                return
            self._take(Ring.B, data)

    # Ring A.

    def _send_a(self, data: bytes) -> None:
        counts = self.counts[Ring.A]
        if self._connection.publish(data):
            counts.sent += 1
            counts.sent_bytes += len(data)
        else:
            counts.dropped += 1

    def _heard_a(self, body: bytes, user: str) -> None:
        self._take(Ring.A, body, user)

    def _changed_a(self, up: bool, sentence: str) -> None:
        self.ring_a_sentence = sentence
        self._changed(Ring.A, up)

    # Both.

    def _take(self, ring: Ring, data: bytes, user: str | None = None) -> None:
        counts = self.counts[ring]
        counts.received += 1
        counts.received_bytes += len(data)
        try:
            message = self._twins.pop(data, None) or self._read(data)
        except Refused as refused:
            counts.refused[refused.refusal] += 1
            return
        refusal = self._refusal(ring, message, user)
        if refusal is not None:
            counts.refused[refusal] += 1
        elif self._is_mine(message):
            self.ring_a_echo_at = self._loop.time()
        else:
            self._deliver(Received(ring, message))

    def _read(self, data: bytes) -> Message:
        """Check and decode; most come a second time, byte for byte, on the other ring."""
        message = self._codec.decode(data)
        if len(self._twins) >= TWINS_MAX:
            del self._twins[next(iter(self._twins))]
        self._twins[data] = message
        return message

    def _refusal(self, ring: Ring, message: Message, user: str | None) -> RingRefusal | None:
        if ring is Ring.B:
            return RingRefusal.REFLECTED if self._is_mine(message) else None
        return RingRefusal.WRONG_SENDER if user != message.node else None

    def _is_mine(self, message: Message) -> bool:
        """Whether this very instance sent it; another one of my name is for the machine to hear."""
        if message.node != self._me:
            return False
        return not isinstance(message, Heartbeat) or message.incarnation <= self._incarnation

    def _changed(self, ring: Ring, up: bool) -> None:
        if self._told.get(ring) is not up:
            self._told[ring] = up
            self._loop.call_soon(self._deliver, RingChanged(ring, up))


def _room(definitions: Definitions) -> Room:
    dead_after = definitions.knobs.dead_after
    return heartbeat_room(definitions.cluster, definitions.subcluster, dead_after)


def _peer_addresses(me: str, definitions: Definitions) -> dict[str, tuple[str, int]]:
    return {
        name: (node.address, node.ring_port)
        for name, node in definitions.nodes.items()
        if name != me
    }


def _bound(address: str, port: int) -> socket.socket:
    """A non-blocking UDP socket at the node's own address."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    ring = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        with contextlib.suppress(OSError):  # beyond the system's limit: only for root
            force = getattr(socket, "SO_RCVBUFFORCE", 33)
            ring.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
            ring.setsockopt(socket.SOL_SOCKET, force, RECEIVE_BUFFER_BYTES)
        if family == socket.AF_INET:
            ring.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, LOW_DELAY)
        ring.bind((address, port))
    except OSError:
        ring.close()
        raise
    return ring
