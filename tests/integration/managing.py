"""A real manager on loopback with a database of its own, and nodes that only exist as rows.

Its rows say that nodes live and hold VIPs; `Obedience` lets them follow what is defined, as the
listener would write it down.
"""

import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "fixtures" / "demo" / "definitions.toml"
START_SECONDS = 30.0
STOP_SECONDS = 10.0
ADMIN, PASSWORD = "admin", "correct horse battery"
BEGIN = """
import sys
import django; django.setup()
from django.core.management import call_command
from django.utils import timezone
from cluster_admin.events.models import Event
from cluster_admin.inventory.models import Node, NodeStatus
from cluster_admin.vips.models import Vip, VipStatus
"""
OBEY = """
now = timezone.now()
nodes = list(Node.objects.select_related("subcluster"))
for node in nodes:
    NodeStatus.objects.update_or_create(node=node, defaults={
        "verdict": "alive", "state": "active", "incarnation": 1, "heard_at": now,
        "revision": node.subcluster.revision, "known_revision": node.subcluster.revision,
        "members": [each.name for each in nodes], "agreed": True, "mature": True})
heirs = [node.name for node in nodes if node.admin_state == "enabled"]
for place, vip in enumerate(Vip.objects.order_by("id")):
    if not VipStatus.objects.filter(vip=vip, owner__in=heirs).exists():
        VipStatus.objects.update_or_create(vip=vip, defaults={
            "state": "owned", "owner": heirs[place % len(heirs)], "epoch": 1, "since": now,
            "reason": "unowned", "seen_at": now})
"""
FOLLOW = f"""
import time
code = compile({OBEY!r}, "obey", "exec")
print("ready", flush=True)
while True:
    exec(code)
    time.sleep(0.1)
"""
HAPPEN = """
first, count = map(int, sys.argv[-2:])
Event.objects.bulk_create(Event(
    subcluster="default", node="mta1", incarnation=1, number=first + place, time=timezone.now(),
    kind="taken", vip="198.18.0.101", reason="unowned", epoch=1, received_at=timezone.now())
    for place in range(count))
"""
LAY_DOWN = """
definitions, admin, password = sys.argv[1:4]
call_command("migrate", verbosity=0)
call_command("bootstrap", "--definitions", definitions, "--admin", admin,
             "--password-file", password)
"""


@dataclass
class Manager:
    """The web process and its database; start, use, stop."""

    directory: Path
    port: int = 0
    process: subprocess.Popen[bytes] | None = None
    environment: dict[str, str] = field(default_factory=dict)

    @classmethod
    def laid_down(cls, directory: Path) -> "Manager":
        """A database with the sample's definitions, living nodes, ten events, an administrator."""
        manager = cls(directory, free_port())
        manager.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "cluster_admin.settings.test",
            "MUSTER_DATA_DIRECTORY": str(directory),
            "DATABASE_URL": f"sqlite:///{directory}/muster.sqlite3",
            "PYTHONPATH": str(ROOT),
        }
        password = directory / "password"
        password.write_text(PASSWORD)
        words = (str(SAMPLE), ADMIN, str(password))
        manager.code(LAY_DOWN + OBEY + HAPPEN, *words, "1", "10")
        return manager

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def happens(self, first: int, count: int) -> None:
        """Write down events with the numbers from `first`."""
        self.code(HAPPEN, str(first), str(count))

    def code(self, text: str, *words: str) -> None:
        """Run a few lines beside the manager."""
        done = subprocess.run(
            [sys.executable, "-c", BEGIN + text, *words],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def obedience(self) -> "Obedience":
        """Nodes that do what is defined while the context is open."""
        return Obedience(self)

    def start(self) -> None:
        """Start the web process and wait until it answers."""
        words = ["--host", "127.0.0.1", "--port", str(self.port), "--log-level", "warning"]
        with (self.directory / "web.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "uvicorn", "cluster_admin.asgi:application", *words],
                env=self.environment,
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + START_SECONDS
        while not self._answers():
            assert time.monotonic() < end, (self.directory / "web.log").read_text()
            assert self.process.poll() is None, (self.directory / "web.log").read_text()
            time.sleep(0.1)

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        if self.process:
            self.process.kill()
            self.process.wait(STOP_SECONDS)
            self.process = None

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=1).is_success
        except httpx.HTTPError:
            return False


@dataclass
class Obedience:
    """A process that plays the nodes."""

    manager: Manager
    process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Obedience":
        self.process = subprocess.Popen(
            [sys.executable, "-c", BEGIN + FOLLOW],
            env=self.manager.environment,
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout
        assert self.process.stdout.readline() == b"ready\n"
        return self

    def __exit__(self, *_: object) -> None:
        if self.process:
            self.process.kill()
            self.process.communicate(timeout=STOP_SECONDS)


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
