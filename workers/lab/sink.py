"""Where the nodes' mail ends: an SMTP server that accepts and counts everything.

`python -m workers.lab.sink COUNTERS_FILE`. Counters: `received` in all, `by_node` (the name the
sending node greets with) and `per_second` over the last second. Nothing is kept.
"""

import asyncio
import contextlib
import sys
from collections import Counter
from pathlib import Path

from workers.lab.counters import write_counters

PORT = 25
REPORT_SECONDS = 1.0
IDLE_SECONDS = 300.0
_ANSWERS = {
    b"EHLO": b"250 sink\r\n",
    b"HELO": b"250 sink\r\n",
    b"MAIL": b"250 2.1.0 Ok\r\n",
    b"RCPT": b"250 2.1.5 Ok\r\n",
    b"RSET": b"250 2.0.0 Ok\r\n",
    b"NOOP": b"250 2.0.0 Ok\r\n",
    b"DATA": b"354 End data with <CR><LF>.<CR><LF>\r\n",
    b"QUIT": b"221 2.0.0 Bye\r\n",
}


class Sink:
    """The server and its counters."""

    def __init__(self) -> None:
        self.by_node: Counter[str] = Counter()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talk with one sender until it quits, is silent for long or breaks off."""
        with contextlib.suppress(OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
            writer.write(b"220 sink ESMTP\r\n")
            await self._converse(reader, writer)
        writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sender = "?"
        while line := await asyncio.wait_for(reader.readline(), IDLE_SECONDS):
            verb = line[:4].upper()
            writer.write(_ANSWERS.get(verb, b"502 5.5.2 Not known here\r\n"))
            if verb in (b"EHLO", b"HELO"):
                sender = line[4:].decode(errors="replace").strip().partition(".")[0]
            if verb == b"DATA":
                await self._swallow(reader)
                self.by_node[sender] += 1
                writer.write(b"250 2.0.0 Ok\r\n")
            if verb == b"QUIT":
                return

    async def _swallow(self, reader: asyncio.StreamReader) -> None:
        while (line := await asyncio.wait_for(reader.readline(), IDLE_SECONDS)) != b".\r\n":
            if not line:
                raise asyncio.IncompleteReadError(b"", None)


async def report(sink: Sink, path: Path) -> None:
    """Write the counters once a second, for ever."""
    before = 0
    while True:
        received = sink.by_node.total()
        per_second = (received - before) / REPORT_SECONDS
        before = received
        write_counters(
            path, {"received": received, "per_second": per_second, "by_node": dict(sink.by_node)}
        )
        await asyncio.sleep(REPORT_SECONDS)


async def run(path: Path) -> None:
    """Serve and report for ever."""
    sink = Sink()
    server = await asyncio.start_server(sink.serve, "0.0.0.0", PORT)  # noqa: S104 -- own namespace
    async with server:
        await report(sink, path)


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1])))
