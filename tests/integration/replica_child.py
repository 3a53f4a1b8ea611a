"""A node that counts with its peers, and nothing else: `python -m ... SETTINGS`, a file of JSON.

What it is asked on its socket, a line of JSON at a time, is done in its event loop. It may be
killed at any time: what it has answered has to be there when it runs again.
"""

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import uvloop

from workers.bus.stream import Stream
from workers.replication.core.definitions import Replication, Scope, Table, TableType
from workers.replication.core.messages import Delta
from workers.replication.core.wire import Wire
from workers.replication.replicator import Membership, Replicator, Site

LINE_BYTES = 4 << 20
SPAN_SECONDS = 3_600.0
sent_bytes = 0


class Child:
    """The replicator, and what it is asked."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        place = Path(settings["directory"])
        self._alive = place / "alive"
        tables = tuple(
            Table(
                one["name"],
                TableType(one["type"]),
                scope=Scope(one.get("scope", "subcluster")),
                **one.get("options", {}),
            )
            for one in settings["tables"]
        )
        site = Site(
            settings["cluster"],
            settings["subcluster"],
            settings["node"],
            tuple(settings["brokers"]),
            Path(settings["key_file"]),
            place / "replication",
        )
        membership = Membership(tuple(settings["nodes"]), Replication(tables))
        offset = settings.get("clock_offset", 0.0)
        if offset:
            wall = time.time
            time.time = lambda: wall() + offset
        self.replicator = Replicator(site, lambda: membership, self._ask_alive)
        self.after_hearing: Callable[[Wire], None] = lambda _message: None
        self._lose = 0
        for scope, link in self.replicator.links.items():
            link._heard = self._hearing(scope)

    async def run(self) -> None:
        """Until it is asked to stop, or killed."""
        path = self.settings["door"]
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        server = await asyncio.start_unix_server(self._serve, path, limit=LINE_BYTES)
        try:
            await self.replicator.run()
        finally:
            server.close()

    async def _ask_alive(self) -> Collection[str] | None:
        try:
            return list(json.loads(self._alive.read_text()))
        except (OSError, ValueError):
            return None

    def _hearing(self, scope: Scope) -> Callable[[Wire], None]:
        def hear(message: Wire) -> None:
            if self._lose and isinstance(message, Delta):
                self._lose -= 1
                return
            self.replicator._heard(scope, message)
            self.after_hearing(message)

        return hear

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while line := await reader.readline():
                asked = json.loads(line)
                answer = getattr(self, f"do_{asked.pop('do')}")(**asked)
                if asyncio.iscoroutine(answer):
                    answer = await answer
                writer.write(json.dumps(answer).encode() + b"\n")
            writer.close()

    # What it may be asked.

    def do_report(self, source: str, offset: int, table: str, counts: dict[str, int]) -> int:
        """Count within a window, once."""

        def count() -> None:
            now = self.replicator.clock()
            for key, n in counts.items():
                self.replicator.shared.window(table, key, SPAN_SECONDS).add(n, now)

        return self.replicator.report(source, offset, count)

    def do_gauge(self, table: str, key: str, n: int) -> int:
        """Count up or down what is there now; what all nodes have."""
        gauge = self.replicator.shared.gauge(table, key)
        gauge.add(n)
        return gauge.total

    def do_windows(self, table: str, keys: list[str]) -> list[int]:
        """What all nodes count."""
        now, found = self.replicator.clock(), []
        for key in keys:
            window = self.replicator.shared.window(table, key, SPAN_SECONDS)
            if now >= window.rolls_at:
                window.roll(now)
            found.append(window.total)
        return found

    def do_gauges(self, table: str, keys: list[str]) -> list[int]:
        """What all nodes have."""
        return [self.replicator.shared.gauge(table, key).total for key in keys]

    def do_lose(self, deltas: int) -> int:
        """Do not hear the next ones."""
        self._lose = deltas
        return deltas

    def do_state(self) -> dict[str, Any]:
        """How it is."""
        one = self.replicator
        return {
            "up": {scope.value: link.up for scope, link in one.links.items()},
            "broker": one.links[Scope.SUBCLUSTER].broker,
            "cut_off": one.cut_off,
            "complaints": one.keeper.complaints,
            "unkept": one.keeper.unkept,
            "losing": self._lose,
            "refused": {s.value: dict(link.refused) for s, link in one.links.items()},
            "published_bytes": sum(link.published_bytes for link in one.links.values()),
            "sent_bytes": sent_bytes,
            "cpu_seconds": time.process_time(),
        }

    async def do_save(self) -> list[str]:
        """Write a snapshot."""
        await self.replicator.keeper.save()
        return self.replicator.keeper.complaints

    def do_stop(self) -> bool:
        """End in order."""
        self.replicator.stop()
        return True


def count_bytes() -> None:
    """Have everything that goes to brokers counted, as it goes there."""
    emit = Stream._adapter_emit_data

    def counted(self: Stream, data: bytes) -> None:
        global sent_bytes
        sent_bytes += len(data)
        emit(self, data)

    Stream._adapter_emit_data = counted  # type: ignore[method-assign]


def run(child_class: type[Child]) -> None:
    """Run a child with the settings that the arguments name."""
    count_bytes()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:

        async def start() -> None:
            await child_class(json.loads(Path(sys.argv[1]).read_text())).run()

        runner.run(start())


if __name__ == "__main__":
    run(Child)
