"""A way to a broker that can be parted: what is sent vanishes, and nobody says so."""

import asyncio
import contextlib
import threading
from urllib.parse import urlsplit, urlunsplit

LOOPBACK = "127.0.0.1"
READ_BYTES = 1 << 16


class Gate:
    """A port of loopback that leads to another; use it in a `with`."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._open = True
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0

    def __enter__(self) -> "Gate":
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        return self

    def __exit__(self, *_error: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def url(self, address: str) -> str:
        """The address of a broker, through the gate."""
        parts = urlsplit(address)
        account = parts.netloc.rpartition("@")[0]
        return urlunsplit(parts._replace(netloc=f"{account}@{LOOPBACK}:{self.port}"))

    def part(self) -> None:
        """Let nothing through any more."""
        self._open = False

    def heal(self) -> None:
        """Let through again; what was connected before is reset."""

        def reset() -> None:
            for writer in self._writers:
                writer.transport.abort()
            self._open = True

        self._loop.call_soon_threadsafe(reset)

    async def _listen(self) -> None:
        server = await asyncio.start_server(self._serve, LOOPBACK, 0)
        self.port = server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            far_reader, far_writer = await asyncio.open_connection(LOOPBACK, self._target)
        except OSError:
            self._writers.discard(writer)
            writer.transport.abort()
            return
        self._writers.add(far_writer)
        try:
            await asyncio.gather(
                self._forward(reader, far_writer), self._forward(far_reader, writer)
            )
        finally:
            for each in (writer, far_writer):
                self._writers.discard(each)
                each.transport.abort()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(READ_BYTES):
                if self._open:
                    writer.write(data)
                    await writer.drain()
        if self._open:
            writer.transport.abort()
