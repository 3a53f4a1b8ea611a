"""Our own side of the bench `logs`: a node's log worker, a broker, a collector, as they are run.

The broker is private and on loopback. The collector's files are found by looking, since their names
have the date in them.
"""

import signal
import subprocess
from pathlib import Path

from bench.errors import BenchError
from bench.log_parts import (
    COLLECTOR,
    START_SECONDS,
    collected_files,
    lay_down_collector,
    lay_down_node,
    started,
    wait_followed,
)
from tests.integration.brokers import RunningBroker
from tests.integration.node_parts import Home
from workers.bus.exchanges import MANAGER_ACCOUNT
from workers.logs.core.definitions import BACKLOG_BYTES, Source

NODE = "mta1"
STOP_SECONDS = 20.0
PROGRAMS = {"shipper": "workers.shipper", "collector": COLLECTOR}


class Muster:
    """One node with `sources` logs; the first of them is the one that is written."""

    name = "ours"
    parts: tuple[str, ...] = ("broker", "collector", "shipper")

    def __init__(
        self,
        place: Path,
        sources: int = 1,
        backlog_bytes: int = BACKLOG_BYTES,
        *,
        full: bool = True,
    ) -> None:
        """`full`: the collector makes its index and counts mail, which the peers do not."""
        logs = [place / "logs" / f"mail{number}.log" for number in range(sources)]
        self.log = logs[0]
        self.disk = place / "disk"
        self._place = place
        self._broker = RunningBroker.laid_down(place / "broker")
        self._home = Home(place / "node", [self._broker.url(NODE)], NODE)
        named = sorted((Source(log.stem, str(log)) for log in logs), key=lambda one: one.name)
        lay_down_node(self._home, named, backlog_bytes)
        self._settings = lay_down_collector(
            place, self.disk, self.manager_url, [one.name for one in named] if full else []
        )
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def manager_url(self) -> str:
        """The broker, with the managers' account."""
        return self._broker.url(MANAGER_ACCOUNT)

    @property
    def pids(self) -> list[int]:
        """Everything that takes part."""
        return [*self.own_pids, *self.broker_pids]

    @property
    def own_pids(self) -> list[int]:
        """The shipper and the collector."""
        return [process.pid for process in self._running.values()]

    @property
    def broker_pids(self) -> list[int]:
        """The broker and its port mapper."""
        found = (self._broker.process, self._broker.mapper)
        return [process.pid for process in found if process is not None]

    @property
    def files(self) -> list[Path]:
        """What was collected, of every log."""
        return collected_files(self.disk)

    def start(self) -> None:
        """Start everything, the broker first."""
        for part in self.parts:
            self.start_part(part)
        wait_followed([self._home])

    def start_part(self, part: str) -> None:
        """Start `broker`, `collector` or `shipper`; a broker is waited for."""
        if part == "broker":
            self._broker.start()
            self._broker.wait_ready(START_SECONDS)
            return
        settings = self._settings if part == "collector" else self._home.config
        arguments = ["--config", str(settings)]
        self._running[part] = started(PROGRAMS[part], arguments, self._place / part)

    def kill_part(self, part: str) -> None:
        """As by kill -9; raises `BenchError` when it has ended by itself before."""
        if part == "broker":
            self._broker.signal(signal.SIGKILL)
            return
        process = self._running.pop(part)
        if process.poll() is not None:
            said = (self._place / part).read_text(errors="replace").strip().splitlines()
            raise BenchError(f"the {part} had ended by itself: {' / '.join(said[-3:])}")
        process.kill()
        process.wait(STOP_SECONDS)

    def stop(self) -> None:
        """Kill everything: what it holds is of no use to anybody."""
        try:
            for part in list(self._running):
                self.kill_part(part)
        finally:
            for process in self._running.values():
                process.kill()
            self._broker.stop()
