"""A node as the bench `policy` asks it: three limits, tables, and a peer that replicates with it.

    python -m bench.policy_node SOCKET LINK answer|peer

`answer` serves the policy protocol at SOCKET and tells its batches over LINK, a UNIX socket, as
signed messages of the bus; `peer` takes them there, and counts and tells on its own meanwhile. No
broker stands between: its processor time is none of the policy server's.
"""

import asyncio
import random
import sys
import time
from pathlib import Path

import uvloop

from workers.bus.codec import Codec
from workers.replication.collection import collect_in_steps
from workers.replication.core.definitions import Limit, Per, Replication, Subject
from workers.replication.core.limits import Limits
from workers.replication.core.messages import Message
from workers.replication.core.tables import Tables
from workers.replication.listening import listen_unix
from workers.replication.policy_server import PolicyServer

MOST, WINDOW_SECONDS = 1_000_000_000, 60.0
TICK_SECONDS = 0.02
PAUSE_SECONDS = 0.001
PEER_RATE, PEER_KEYS = 1_000, 10_000
LIMITS = tuple(
    Limit(name, Subject.INBOUND_MESSAGES, per, MOST, WINDOW_SECONDS)
    for name, per in (
        ("a", Per.ADDRESS),
        ("s", Per.SENDER),
        ("r", Per.RECIPIENT_DOMAIN),
    )
)
SIZE_BYTES = 4


class Link:
    """Tells batches of some tables, and takes those of the peer."""

    def __init__(self, tables: Tables, seed: int) -> None:
        self._tables = tables
        self._dice = random.Random(seed)
        self._codec: Codec[Message] = Codec("bench", "policy", [b"k" * 32], Message)
        self._writer: asyncio.StreamWriter | None = None

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take messages until the peer leaves."""
        self._writer = writer
        try:
            while True:
                size = int.from_bytes(await reader.readexactly(SIZE_BYTES), "big")
                message = self._codec.decode(await reader.readexactly(size))
                for answer in self._tables.take(message, time.time()):
                    self._say(answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            self._writer = None

    async def tell(self, rate: float) -> None:
        """Tell what is due, for ever, and count at `rate` on our own."""
        looked, more = time.monotonic(), False
        while True:
            await asyncio.sleep(PAUSE_SECONDS if more else TICK_SECONDS)
            now, before = time.time(), looked
            looked = time.monotonic()
            for _ in range(int(rate * (looked - before))):
                key = f"s/user{self._dice.randrange(PEER_KEYS)}@d1.example.org"
                self._tables.window("named-throttles", key, WINDOW_SECONDS).add(1, now)
            due = self._tables.pending(now)
            batch = self._tables.batch(now) if due is not None and due <= now else None
            more = batch is not None
            if batch is not None:
                self._say(batch)

    def _say(self, message: Message) -> None:
        if self._writer is not None:
            data = self._codec.encode(message)
            self._writer.write(len(data).to_bytes(SIZE_BYTES, "big") + data)


async def answer(path: Path, link: Path) -> None:
    """Serve for ever."""
    replication = Replication(limits=LIMITS)
    tables = Tables("n1", replication.every_table, incarnation=1, now=time.time())
    limits = Limits(replication, tables, "n1", 2)
    server = PolicyServer(limits, time.time)
    linked = Link(tables, 1)
    listening = await asyncio.start_unix_server(linked.take, link)
    collecting = asyncio.create_task(collect_in_steps())
    await server.open([listen_unix(path)])
    async with listening:
        await asyncio.gather(linked.tell(0.0), collecting)


async def peer(link: Path) -> None:
    """Take and tell for ever."""
    tables = Tables("n2", Replication().every_table, incarnation=1, now=time.time())
    linked = Link(tables, 2)
    reader, writer = await asyncio.open_unix_connection(link)
    taking = asyncio.create_task(linked.take(reader, writer))
    await asyncio.gather(taking, linked.tell(PEER_RATE))


def main() -> None:
    """Be one of the two."""
    path, link, role = sys.argv[1:4]
    uvloop.run(answer(Path(path), Path(link)) if role == "answer" else peer(Path(link)))


if __name__ == "__main__":
    main()
