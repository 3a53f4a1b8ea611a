"""Nodes that count together at real brokers, each a process, and a ledger of what they counted."""

import contextlib
import json
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.integration.brokers import CLUSTER, NODES, SUBCLUSTER, RunningBroker
from tests.integration.node_parts import KEY, wait

PATIENCE_SECONDS = 60.0
ANSWER_SECONDS = 30.0
WINDOWS, GAUGES, SHARED = "deliveries", "open", "everywhere"
TABLES = (
    {"name": WINDOWS, "type": "series-delivery"},
    {"name": GAUGES, "type": "gauge-cache"},
    {"name": SHARED, "type": "series-reception", "scope": "cluster"},
)


class Replica:
    """One node. Its process may be killed and started again."""

    module = "tests.integration.replica_child"
    answer_seconds = ANSWER_SECONDS

    def __init__(
        self,
        directory: Path,
        brokers: Sequence[RunningBroker],
        node: str,
        nodes: Sequence[str] = NODES,
        tables: Sequence[dict[str, Any]] = TABLES,
        **more: Any,
    ) -> None:
        self.node = node
        self.directory = directory / node
        self.directory.mkdir(parents=True)
        self.door = self.directory / "door"
        self.log = self.directory / "log"
        key = self.directory / "key"
        key.touch(mode=0o600)
        key.write_text(KEY + "\n")
        self.settings = {
            "cluster": CLUSTER,
            "subcluster": SUBCLUSTER,
            "node": node,
            "nodes": list(nodes),
            "brokers": [broker.url(node) for broker in brokers],
            "key_file": str(key),
            "directory": str(self.directory),
            "door": str(self.door),
            "tables": list(tables),
            **more,
        }
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def state(self) -> Path:
        """Where its counts are kept."""
        return self.directory / "replication"

    def start(self) -> None:
        """Without waiting."""
        settings = self.directory / "settings.json"
        settings.write_text(json.dumps(self.settings))
        self.door.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", self.module, str(settings)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """With no chance to tidy up; it must have run until now."""
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        self.process.kill()
        self.process.wait(PATIENCE_SECONDS)

    def end(self) -> None:
        """Kill it if it runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait(PATIENCE_SECONDS)

    def stop(self) -> int:
        """In order; the exit code."""
        assert self.process is not None
        self.ask("stop")
        return self.process.wait(PATIENCE_SECONDS)

    def alive(self, nodes: Sequence[str]) -> None:
        """Have the failover see these nodes alive."""
        beside = self.directory / "alive.new"
        beside.write_text(json.dumps(list(nodes)))
        beside.rename(self.directory / "alive")

    def ask(self, do: str, **arguments: Any) -> Any:
        """What it answers; raises `OSError` when it dies, or lives no more."""
        with socket.socket(socket.AF_UNIX) as door:
            door.settimeout(self.answer_seconds)
            door.connect(str(self.door))
            door.sendall(json.dumps({"do": do, **arguments}).encode() + b"\n")
            with door.makefile("rb") as answers:
                line = answers.readline()
        if not line.endswith(b"\n"):
            raise ConnectionResetError(f"{self.node} answered nothing: {self.log.read_text()}")
        return json.loads(line)

    def surely(self, do: str, **arguments: Any) -> Any:
        """The same, asked until it answers."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return self.ask(do, **arguments)
            except OSError:
                assert time.monotonic() < deadline, self.log.read_text()
                time.sleep(0.02)

    def wait_up(self) -> None:
        """Until it is in both rooms."""
        wait(lambda: all(self.surely("state")["up"].values()), "up", PATIENCE_SECONDS)


class Ledger:
    """Counts events on nodes, surely once each, and what all of them should know."""

    def __init__(self, replicas: Sequence[Replica], seed: int, table: str = WINDOWS) -> None:
        self.replicas, self.table = replicas, table
        self._random = random.Random(seed)
        self._offsets: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()

    def count(self, replica: Replica, events: int = 20) -> None:
        """Some events on a node, which may die meanwhile: then they are told again."""
        found = Counter(self._key() for _ in range(events))
        offset = self._offsets[replica.node] + events
        kept = replica.surely(
            "report", source="ledger", offset=offset, table=self.table, counts=dict(found)
        )
        assert kept == offset
        self._offsets[replica.node] = offset
        self.counts += found

    def drifts(self) -> dict[str, int]:
        """How far each node that runs is off, summed over all keys."""
        keys = sorted(self.counts)
        found = {}
        for replica in self.replicas:
            told = replica.surely("windows", table=self.table, keys=keys)
            pairs = zip(keys, told, strict=True)
            found[replica.node] = sum(abs(self.counts[key] - value) for key, value in pairs)
        return found

    def settle(self, seconds: float = PATIENCE_SECONDS) -> float:
        """Wait until nobody is off; how long that took."""
        began, drifts = time.monotonic(), self.drifts()
        while any(drifts.values()):
            assert time.monotonic() < began + seconds, f"still off: {drifts}"
            time.sleep(0.05)
            drifts = self.drifts()
        return time.monotonic() - began

    def _key(self) -> str:
        number = int(self._random.paretovariate(0.8)) % 500
        return f"192.0.2.{number}" if number < 256 else f"2001:db8::{number:x}"


@contextlib.contextmanager
def running(directory: Path, brokers: Sequence[RunningBroker], nodes: Sequence[str] = NODES) -> Any:
    """Replicas that run and know each other, ended with the block."""
    replicas = [Replica(directory, brokers, node, nodes) for node in nodes]
    try:
        for one in replicas:
            one.start()
        for one in replicas:
            one.wait_up()
        yield replicas
    finally:
        for one in replicas:
            one.end()


def until(true: Callable[[], object], what: str, seconds: float = PATIENCE_SECONDS) -> float:
    """Wait for a condition; how long that took."""
    return wait(true, what, seconds)
