"""The real doors of a node's limits, without a bus: tables, limits, policy server and local API."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers.replication.core.definitions import Replication
from workers.replication.core.limits import Limits
from workers.replication.core.shared import Shared
from workers.replication.http_server import HttpServer
from workers.replication.listening import listen_unix
from workers.replication.local_api import LocalApi
from workers.replication.policy_server import PolicyServer


@dataclass
class LimitServer:
    """One that runs. `call` looks at it in its own thread."""

    api: Path
    policy: Path
    limits: Limits
    shared: Shared
    loop: asyncio.AbstractEventLoop

    def call(self, look: Callable[[], Any]) -> Any:
        """What `look` says, in the thread of the server."""

        async def looked() -> Any:
            return look()

        return asyncio.run_coroutine_threadsafe(looked(), self.loop).result(10)

    def redefine(self, replication: Replication) -> None:
        """Limit by this from now on."""
        self.call(lambda: self.limits.redefine(replication, 1))

    def open_to(self, domain: str) -> int:
        """Connections to a domain that are open now."""
        return int(self.call(lambda: self.shared.gauge("domain-connections", domain).total))


@contextlib.contextmanager
def serving(directory: Path) -> Iterator[LimitServer]:
    """A server in a thread, with its sockets in a directory."""
    empty = Replication()
    shared = Shared("mta1", empty.every_table, incarnation=1, now=time.time())
    limits = Limits(empty, shared, "mta1")
    offsets: dict[str, int] = {}

    def report(source: str, offset: int, count: Callable[[], None]) -> int:
        if offset > offsets.get(source, 0):
            count()
            offsets[source] = offset
        return offsets.get(source, 0)

    loop = asyncio.new_event_loop()
    made = LimitServer(directory / "limits.sock", directory / "policy.sock", limits, shared, loop)
    api = LocalApi(limits, shared.part, time.time, report, lambda: {"healthy": True})
    http, policy = HttpServer(api.answer, time.time), PolicyServer(limits, time.time)

    async def open_all() -> None:
        await http.open([listen_unix(made.api)])
        await policy.open([listen_unix(made.policy)])

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(open_all(), loop).result(10)
    try:
        yield made
    finally:
        made.call(lambda: (http.close(), policy.close()))
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
