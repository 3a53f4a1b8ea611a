"""pika's AMQP state machine on a socket of the running asyncio loop.

pika's own asyncio adapter resolves even numeric addresses in a thread, hides its socket and cannot
be left at once; this one can be read at any time (`read`), says how much waits to be sent, and
`abort` always ends it. Invariant: nothing that a broker sends, or fails to send, raises into the
loop; the connection ends, once, through pika's callbacks.
"""

import asyncio
import logging
import socket
import struct
from collections.abc import Callable, Sequence
from typing import Any

import pika
import pika.connection
import pika.exceptions

from workers.bus.deliveries import delivery
from workers.bus.names import resolved

USER_TIMEOUT_MS = 1_000
"""Bytes the broker's host does not acknowledge for so long end the connection, unless told else."""
SEND_BUFFER_BYTES = 64 * 1024
"""In the kernel: what a stuck broker may find when it goes on."""
READ_BYTES = 64 * 1024
READS_MAX = 16
"""Per call, so that a flood cannot hold the loop."""
FRAMES_MAX_BYTES = 1 << 20
"""More than this without a whole frame is no AMQP."""

logging.getLogger("pika").setLevel(logging.CRITICAL)  # what it would say, callbacks say

Ended = Callable[[pika.connection.Connection, BaseException], None]


class Stream(pika.connection.Connection):  # type: ignore[misc]
    """One AMQP connection to one broker, from the TCP connection on."""

    def __init__(
        self,
        parameters: pika.ConnectionParameters,
        opened: Callable[[pika.connection.Connection], None],
        ended: Ended,
        readable: Callable[[], None] | None = None,
        *,
        user_timeout_ms: int = USER_TIMEOUT_MS,
    ) -> None:
        """`readable` is called when there is something to `read`; by default that is read."""
        self._readable = readable or self.read
        self._user_timeout_ms = user_timeout_ms
        self._loop = asyncio.get_running_loop()
        self._socket: socket.socket | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._outgoing = bytearray()
        self._over = False
        self.deliver: Callable[[bytes, str], None] | None = None
        """Is handed most messages, with their users, past pika; the others come by way of it."""
        super().__init__(parameters, opened, ended, ended, True)

    @property
    def waiting_bytes(self) -> int:
        """What the broker's host has not taken yet."""
        return len(self._outgoing)

    def read(self) -> None:
        """Take in everything that has arrived."""
        for _ in range(READS_MAX):
            if self._socket is None:
                return
            try:
                data = self._socket.recv(READ_BYTES)
            except BlockingIOError:
                return
            except OSError as error:
                self._end(error)
                return
            if not data:
                self._end(ConnectionResetError("the broker closed the connection"))
                return
            self._take_in(data)
            if len(data) < READ_BYTES:
                return

    def abort(self, sentence: str) -> None:
        """Leave at once; what was not sent is lost."""
        if not self._over and not self.is_closed:
            self._terminate_stream(pika.exceptions.AMQPConnectionError(sentence))

    def _take_in(self, data: bytes) -> None:
        try:
            self._on_data_available(data)
            if len(self._frame_buffer) > FRAMES_MAX_BYTES:
                raise pika.exceptions.InvalidFrameError("a frame without end")
        except Exception as error:
            if not self._over:
                self._terminate_stream(error)

    def _on_data_available(self, data_in: bytes) -> None:
        start = 0
        if self.deliver is not None and not self._frame_buffer:
            while (found := delivery(data_in, start)) is not None:
                start = found.end
                self.frames_received += 3
                self.bytes_received += len(found.body)  # pika only looks whether it grows
                self.deliver(found.body, found.user)
        if start < len(data_in):
            super()._on_data_available(data_in[start:])

    async def _connect(self) -> None:
        try:
            address = await resolved(self.params.host, self.params.port)
            family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
            self._socket = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            _tune(self._socket, self._user_timeout_ms)
            await self._loop.sock_connect(self._socket, address)
            self._loop.add_reader(self._socket, self._readable)
            self._on_stream_connected()
        except (OSError, ValueError) as error:  # ValueError: no name at all
            self._end(error)

    def _flush(self) -> None:
        if self._socket is None:
            return
        try:
            sent = self._socket.send(self._outgoing)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._end(error)
            return
        del self._outgoing[:sent]
        if self._outgoing:
            self._loop.add_writer(self._socket, self._flush)
        else:
            self._loop.remove_writer(self._socket)

    def _end(self, error: Exception | None) -> None:
        """Close the socket and tell pika, once; without `error` pika knows why."""
        if self._over:
            return
        self._over = True
        if self._connecting is not None:
            self._connecting.cancel()
        if self._socket is not None:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            # Old heartbeats must not reach a broker that wakes up: reset, do not linger.
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._socket.close()
            self._socket = None
        self._on_stream_terminated(error and pika.exceptions.StreamLostError(str(error)))

    def _output_marshaled_frames(self, marshaled_frames: Sequence[bytes]) -> None:
        """All frames of a message in one send."""
        super()._output_marshaled_frames([b"".join(marshaled_frames)])

    # What pika asks of an adapter.

    def _adapter_connect_stream(self) -> None:
        self._connecting = self._loop.create_task(self._connect())

    def _adapter_disconnect_stream(self) -> None:
        self._loop.call_soon(self._end, None)

    def _adapter_emit_data(self, data: bytes) -> None:
        self._outgoing += data
        if len(self._outgoing) == len(data):
            self._flush()

    def _adapter_call_later(self, delay: float, callback: Callable[[], Any]) -> object:
        return self._loop.call_later(delay, callback)

    def _adapter_remove_timeout(self, timeout_id: asyncio.TimerHandle) -> None:
        timeout_id.cancel()

    def _adapter_add_callback_threadsafe(self, callback: Callable[..., Any]) -> None:
        self._loop.call_soon_threadsafe(callback)


def _tune(connection: socket.socket, user_timeout_ms: int) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, user_timeout_ms)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
