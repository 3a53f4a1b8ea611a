"""The web process on a database that a `stagehand` fills: pages to look at without a lab.

Everything is in a directory of its own; leaving the block ends both processes.
"""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

START_SECONDS = 30.0
STOP_SECONDS = 5.0


@dataclass(slots=True)
class Stage:
    """A running web process and its stagehand."""

    directory: Path
    port: int
    environment: dict[str, str]
    hand: "subprocess.Popen[str]"
    server: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        """Where the pages are."""
        return f"http://127.0.0.1:{self.port}"

    def do(self, name: str, *positional: Any, **named: Any) -> None:
        """Let the stagehand call a function of `seeding`; returns when it is in the database."""
        self.tell([name, positional, named])

    def tell(self, words: list[Any]) -> None:
        """Say something to the stagehand, and wait until it is done."""
        assert self.hand.stdin is not None
        self.hand.stdin.write(json.dumps(words) + "\n")
        self.hand.stdin.flush()
        self.wait_for_hand()

    def wait_for_hand(self) -> None:
        """Until the stagehand has done what it was told."""
        assert self.hand.stdout is not None
        assert self.hand.stdout.readline() == "done\n", "the stagehand is gone; see stderr"

    def open(self) -> None:
        """Start the web process and wait until it answers."""
        command = [sys.executable, "-m", "uvicorn", "cluster_admin.asgi:application"]
        command += ["--port", str(self.port), "--log-level", "warning"]
        command += ["--timeout-graceful-shutdown", "1"]
        self.server = subprocess.Popen(command, env=self.environment)
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self.server.poll() is None, "the web process did not start; see stderr"
            assert time.monotonic() < deadline, f"no answer within {START_SECONDS:g} s"
            time.sleep(0.05)

    def close(self) -> None:
        """End the web process."""
        if self.server is not None:
            self.server.send_signal(signal.SIGCONT)
            self.server.terminate()
            try:
                self.server.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.server.kill()
                self.server.wait()
        self.server = None

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/login/", timeout=START_SECONDS).status_code == 200
        except httpx.TransportError:
            return False


@contextmanager
def staged(directory: Path) -> Iterator[Stage]:
    """Fill a database in `directory` and serve its pages."""
    port = _free_port()
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "cluster_admin.settings.test",
        "DATABASE_URL": f"sqlite:///{directory}/muster.sqlite3",
        "MUSTER_DATA_DIRECTORY": str(directory),
        "MUSTER_SECRET_KEY": secrets.token_urlsafe(40),
        "MUSTER_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "MUSTER_BROKER_URL": "",
    }
    command = [sys.executable, "-m", "tests.web.stagehand"]
    pipe = subprocess.PIPE
    hand = subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True)
    stage = Stage(directory, port, environment, hand)
    try:
        stage.open()
        stage.wait_for_hand()
        yield stage
    finally:
        stage.close()
        hand.terminate()
        hand.communicate()


def _free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])
