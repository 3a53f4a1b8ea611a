"""A node's worker and reporter beside no agent: their files, processes, and a manager's side."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from celery import Celery

from tests.integration.brokers import CLUSTER, SUBCLUSTER
from workers.bus.celery_parts import TaskAmqp
from workers.bus.signing import Signer
from workers.failover.core.definitions import Definitions, Node, Topology, Vip
from workers.failover.core.definitions_text import render
from workers.failover.store import DEFINITIONS
from workers.failover.tasks import DEFINE

KEY = "5a" * 32
PATIENCE_SECONDS = 20.0


def text(revision: int) -> str:
    """Definitions of the test's subcluster."""
    definitions = Definitions(
        cluster=CLUSTER,
        subcluster=SUBCLUSTER,
        revision=revision,
        topologies=(Topology("198.18.0.0/24", "eth0"),),
        nodes={"mta1": Node("mta1", "198.18.0.11")},
        vips={"198.18.0.101": Vip("198.18.0.101")},
    )
    return render(definitions)


@dataclass
class Home:
    """The files of one node, and the processes started on them."""

    directory: Path
    brokers: Sequence[str]
    node: str = "mta1"
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def state(self) -> Path:
        return self.directory / "state"

    @property
    def door(self) -> Path:
        return self.directory / "door"

    @property
    def config(self) -> Path:
        return self.directory / "node.toml"

    @property
    def log(self) -> Path:
        return self.directory / "log"

    def lay_down(self) -> None:
        """Write what an operator would."""
        self.state.mkdir(parents=True, exist_ok=True)
        key = self.directory / "key"
        key.touch(mode=0o600)
        key.write_text(KEY + "\n")
        values = {
            "cluster": CLUSTER,
            "subcluster": SUBCLUSTER,
            "node": self.node,
            "state_directory": str(self.state),
            "key_file": str(key),
            "brokers": list(self.brokers),
            "socket": str(self.door),
        }
        lines = [f"{name} = {json.dumps(value)}\n" for name, value in values.items()]
        self.config.write_text("".join(lines))

    def start(self, module: str) -> subprocess.Popen[bytes]:
        """Start one of the node's programs."""
        command = [sys.executable, "-m", module, "--config", str(self.config)]
        with self.log.open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        self.processes.append(process)
        return process

    def said(self) -> str:
        return self.log.read_text()

    def revision(self) -> int:
        """Of the definitions file; 0 without one."""
        try:
            lines = (self.state / DEFINITIONS).read_text().splitlines()
        except OSError:
            return 0
        return next(int(line.split()[2]) for line in lines if line.startswith("revision = "))

    def end(self) -> None:
        """Kill whatever runs."""
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait(PATIENCE_SECONDS)


def sender(*brokers: str) -> Celery:
    """The Celery app of a manager that only sends."""
    app = Celery("manager", amqp=TaskAmqp, set_as_current=False)
    app.conf.update(
        broker_url=list(brokers),
        broker_connection_timeout=2,
        broker_heartbeat=2,
        task_ignore_result=True,
        accept_content=["json"],
    )
    return app


def send(app: Celery, task: str, arguments: list[Any], node: str = "mta1", **options: Any) -> None:
    """Send a node a task, signed, as managers do."""
    headers = Signer(CLUSTER, [bytes.fromhex(KEY)]).headers(task, node, arguments)
    app.send_task(task, arguments, queue=f"node.{node}", headers=headers, **options)


def push(app: Celery, revision: int, node: str = "mta1", **options: Any) -> None:
    """Send definitions to a node, as managers do."""
    send(app, DEFINE, [SUBCLUSTER, revision, text(revision)], node, **options)


def wait(true: Callable[[], object], what: str, seconds: float = PATIENCE_SECONDS) -> float:
    """Wait for a condition; how long that took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() < began + seconds, f"not within {seconds:g} s: {what}"
        time.sleep(0.01)
    return time.monotonic() - began
