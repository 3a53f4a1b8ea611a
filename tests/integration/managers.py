"""A manager's database and listener as real processes, for tests and benches."""

import os
import secrets
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.integration.brokers import CLUSTER, NODES, SUBCLUSTER
from workers.failover.core.definitions import Definitions, Node, Topology, Vip
from workers.failover.core.definitions_text import render

ROOT = Path(__file__).resolve().parents[2]
STOP_SECONDS = 15.0
VIPS = tuple(f"198.18.0.{number}" for number in range(101, 107))


class Manager:
    """A database of its own in `directory`, with three nodes, and its listener."""

    def __init__(self, directory: Path, brokers: Sequence[str]) -> None:
        self.directory = directory
        self.key = secrets.token_bytes(32)
        self.process: subprocess.Popen[bytes] | None = None
        key_file = directory / "cluster.key"
        key_file.touch(0o600)
        key_file.write_text(self.key.hex() + "\n")
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "cluster_admin.settings.production",
            "DATABASE_URL": "",
            "MUSTER_DATA_DIRECTORY": str(directory),
            "MUSTER_SECRET_KEY": secrets.token_hex(32),
            "MUSTER_ALLOWED_HOSTS": "127.0.0.1",
            "MUSTER_PLAIN_HTTP": "1",
            "MUSTER_CLUSTER": CLUSTER,
            "MUSTER_KEY_FILE": str(key_file),
            "MUSTER_BROKER_URL": ",".join(brokers),
        }

    @property
    def errors(self) -> Path:
        """What the listener said."""
        return self.directory / "listen.stderr"

    def set_up(self) -> None:
        """Make the database, with nodes and VIPs."""
        path = self.directory / "definitions.toml"
        path.write_text(definitions())
        self.manage("migrate", "--verbosity", "0")
        self.manage("bootstrap", "--definitions", str(path))

    def manage(self, *arguments: str) -> None:
        """Run a command of manage.py to its end."""
        subprocess.run(
            [sys.executable, ROOT / "manage.py", *arguments],
            env=self.environment,
            check=True,
            capture_output=True,
        )

    def start(self) -> None:
        """Start the listener, without waiting."""
        with self.errors.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, ROOT / "manage.py", "listen"],
                env=self.environment,
                stdout=output,
                stderr=output,
            )

    def kill(self) -> None:
        """End the listener as a power cut does."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(STOP_SECONDS)
            self.process = None

    def stop(self) -> float:
        """End the listener in order; seconds that took."""
        assert self.process is not None
        began = time.monotonic()
        self.process.terminate()
        assert self.process.wait(STOP_SECONDS) == 0
        self.process = None
        return time.monotonic() - began

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Read from the database."""
        path = self.directory / "muster.sqlite3"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20)) as database:
            return database.execute(query, values).fetchall()


def definitions(
    subcluster: str = SUBCLUSTER, nodes: Sequence[str] = NODES, network: str = "198.18"
) -> str:
    """Some nodes and VIPs, in the canonical form."""
    return render(
        Definitions(
            cluster=CLUSTER,
            subcluster=subcluster,
            revision=1,
            topologies=(Topology(cidr=f"{network}.0.0/16", interface="eth0"),),
            nodes={
                name: Node(name=name, address=f"{network}.0.{number}")
                for number, name in enumerate(nodes, 1)
            },
            vips={vip: Vip(address=vip) for vip in (f"{network}.0.{n}" for n in range(101, 107))},
        )
    )
