"""A policy server and the local API on real sockets, in a thread of their own, on uvloop."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

from workers.replication import listening
from workers.replication.core.clients import CLIENTS_MAX
from workers.replication.core.definitions import Replication
from workers.replication.core.limits import Limits
from workers.replication.core.tables import Tables
from workers.replication.http_server import HttpServer
from workers.replication.local_api import LocalApi
from workers.replication.policy_server import PolicyServer

WAIT_SECONDS = 20.0


@dataclass(slots=True)
class Node:
    """What runs, and where it is asked."""

    policy: PolicyServer
    http: HttpServer
    limits: Limits
    tables: Tables
    policy_path: Path
    http_path: Path
    policy_port: int
    http_port: int
    complaints: list[dict[str, Any]]
    """What the loop was told of failures: there must be none."""
    loop: asyncio.AbstractEventLoop

    def do(self, what: Callable[[], Any]) -> Any:
        """Do it in the loop, as everything is done there."""
        done: list[Any] = []
        over = threading.Event()

        def act() -> None:
            done.append(what())
            over.set()

        self.loop.call_soon_threadsafe(act)
        assert over.wait(WAIT_SECONDS)
        return done[0]

    def talker(self, seconds: float = WAIT_SECONDS) -> socket.socket:
        """A connection to the policy server."""
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.connect(str(self.policy_path))
        made.settimeout(seconds)
        return made


@contextmanager
def node(
    directory: Path,
    replication: Replication,
    clients_max: int = CLIENTS_MAX,
    clock: Callable[[], float] = time.time,
) -> Iterator[Node]:
    """Run both servers until the end of the `with`."""
    paths = (directory / "policy.sock", directory / "limits.sock")
    unix = [listening.listen_unix(path) for path in paths]
    tcp = [listening.listen_tcp("127.0.0.1", 0) for _ in paths]
    tables = Tables("n1", replication.every_table, incarnation=1, now=clock())
    limits = Limits(replication, tables, "n1")
    offsets: dict[str, int] = {}

    def report(source: str, offset: int, count: Callable[[], None]) -> int:
        if offset > offsets.get(source, -1):
            count()
            offsets[source] = offset
        return offsets[source]

    api = LocalApi(limits, lambda _table: tables, clock, report, lambda: {"healthy": True})
    policy = PolicyServer(limits, clock, clients_max, 0.05)
    http = HttpServer(api.answer, clock, clients_max, 0.05)
    loop = uvloop.new_event_loop()
    complaints: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _loop, context: complaints.append(context))
    ports = [one.getsockname()[1] for one in tcp]
    ready = threading.Event()

    async def serve() -> None:
        await policy.open([unix[0], tcp[0]])
        await http.open([unix[1], tcp[1]])
        ready.set()

    def run() -> None:
        loop.create_task(serve())
        loop.run_forever()
        policy.close()
        http.close()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(WAIT_SECONDS)
    running = Node(policy, http, limits, tables, *paths, *ports, complaints, loop)
    try:
        yield running
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(WAIT_SECONDS)


def until(holds: Callable[[], bool], why: str) -> None:
    """Wait until it holds."""
    end = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < end, why
        time.sleep(0.01)


def all_is_taken(talker: socket.socket, piece: bytes, size: int) -> bool:
    """Whether the server takes so many bytes, before it closes or stops to read."""
    try:
        for _ in range(size // len(piece)):
            talker.sendall(piece)
    except OSError:
        return False
    return True
