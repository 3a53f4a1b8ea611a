"""Our own side of the bench `logs`: a node's log worker, a broker, a collector, as they are run.

The broker is private and on loopback. The collector's files are found by looking, since their names
have the date in them.
"""

import contextlib
import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from bench.errors import BenchError
from tests.integration.brokers import CLUSTER, SUBCLUSTER, RunningBroker
from tests.integration.node_parts import KEY, Home, text
from workers.bus.exchanges import MANAGER_ACCOUNT
from workers.failover.core.definitions_text import parse, render
from workers.failover.store import DEFINITIONS
from workers.logs.core.definitions import Logs, Source, Subscriber
from workers.logs.shipping_status import STATUS

NODE, SUBSCRIBER = "mta1", "bench"
BACKLOG_BYTES = 1 << 30
DESTINATION = "%Y/%m/%d/%{l}/%{s}/%{n}"
START_SECONDS, STOP_SECONDS = 120.0, 20.0
LOOK_SECONDS = 0.1
PROGRAMS = {"shipper": "workers.shipper", "collector": "workers.logs.collector"}


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
        self.collected = place / "collected"
        self._place = place
        self._broker = RunningBroker.laid_down(place / "broker")
        self._home = Home(place / "node", [self._broker.url(NODE)], NODE)
        self._settings = place / "collector.toml"
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._lay_down(logs, backlog_bytes, full)

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
        return [path for path in self.collected.rglob("*") if path.is_file()]

    def start(self) -> None:
        """Start everything, the broker first."""
        for part in self.parts:
            self.start_part(part)
        self._wait_followed()

    def start_part(self, part: str) -> None:
        """Start `broker`, `collector` or `shipper`; a broker is waited for."""
        if part == "broker":
            self._broker.start()
            self._broker.wait_ready()
            return
        settings = self._settings if part == "collector" else self._home.config
        with (self._place / part).open("ab") as output:
            self._running[part] = subprocess.Popen(
                [sys.executable, "-m", PROGRAMS[part], "--config", str(settings)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

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

    def _wait_followed(self) -> None:
        """Until every log is known: what is rotated before is nobody's business."""
        deadline = time.monotonic() + START_SECONDS
        while not self._followed():
            if time.monotonic() > deadline:
                raise BenchError(f"the shipper has followed no log within {START_SECONDS:.0f} s")
            time.sleep(LOOK_SECONDS)

    def _followed(self) -> bool:
        with contextlib.suppress(FileNotFoundError):
            told = json.loads((self._home.state / STATUS).read_text())
            return any(one["sources"] for one in told["subscribers"])
        return False

    def _lay_down(self, logs: list[Path], backlog_bytes: int, full: bool) -> None:
        logs[0].parent.mkdir(parents=True)
        self._home.lay_down()
        for log in logs:
            log.touch()
        shipped = Logs(
            tuple(sorted((Source(log.stem, str(log)) for log in logs), key=lambda one: one.name)),
            (Subscriber(SUBSCRIBER, backlog_bytes),),
        )
        definitions = replace(parse(text(1)), logs=shipped)
        (self._home.state / DEFINITIONS).write_text(render(definitions))
        key = self._place / "key"
        key.touch(mode=0o600)
        key.write_text(KEY + "\n")
        values = {
            "name": SUBSCRIBER,
            "cluster": CLUSTER,
            "subclusters": [SUBCLUSTER],
            "brokers": [self._broker.url(MANAGER_ACCOUNT)],
            "key_file": str(key),
            "destination": f"{self.collected}/{DESTINATION}",
            "state_directory": str(self._place / "collector-state"),
            "index": full,
            "mail_logs": [log.stem for log in logs] if full else [],
        }
        lines = (f"{name} = {json.dumps(value)}\n" for name, value in values.items())
        self._settings.write_text("".join(lines))
