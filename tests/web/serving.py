"""The manager's web process as it really runs, on loopback, with a database of its own."""

import contextlib
import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS, STOP_SECONDS = 60.0, 20.0
ADMIN = "administrator-of-tests"
TOKEN_ID = 987_654_321
"""Of the token in use: nothing that guesses ids revokes it."""


@dataclass(frozen=True, slots=True)
class Serving:
    """Where it is, and who may do everything there."""

    url: str
    token: str
    log: Path


@contextlib.contextmanager
def serving(directory: Path) -> Iterator[Serving]:
    """A web process for the time of the block, with the sample's subcluster."""
    database = directory / "muster.sqlite3"
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "cluster_admin.settings.test",
        "DATABASE_URL": f"sqlite:///{database}",
        "MUSTER_DATA_DIRECTORY": str(directory),
    }
    _prepare(directory, environment)
    with sqlite3.connect(database) as rows:
        rows.execute("UPDATE accounts_token SET id = ?", [TOKEN_ID])
    rows.close()
    port = _free_port()
    command = ["-m", "uvicorn", "cluster_admin.asgi:application", "--port", str(port)]
    log = directory / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, *command, "--log-level", "warning"],
            **{"cwd": ROOT, "env": environment, "stdout": out, "stderr": out},
        )
    try:
        found = Serving(f"http://127.0.0.1:{port}", (directory / "token").read_text().strip(), log)
        _wait_ready(found, process)
        yield found
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _prepare(directory: Path, environment: dict[str, str]) -> None:
    password = directory / "password"
    password.write_text("a password of tests")
    sample = ROOT / "fixtures" / "demo" / "definitions.toml"
    account = ["--admin", ADMIN, "--password-file", password, "--token-file", directory / "token"]
    for command in (["migrate", "-v0"], ["bootstrap", "--definitions", sample, *account]):
        asked = [sys.executable, "manage.py", *map(str, command)]
        subprocess.run(asked, cwd=ROOT, env=environment, check=True, capture_output=True)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def _wait_ready(found: Serving, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{found.url}/readyz").is_success:
                return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError(f"no web process: {found.log.read_text()[-2000:]}")
