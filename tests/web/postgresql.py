"""A private PostgreSQL that tests start and take down: UNIX socket only, nothing kept."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

USER = "postgres"
START_SECONDS, STOP_SECONDS = 60.0, 20.0
PROGRAMS = Path("/usr/lib/postgresql")
HASTE = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_connections=50")


def program(name: str) -> str:
    """The newest version's; PostgreSQL's own programs are not on the PATH."""
    found = sorted(PROGRAMS.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise FileNotFoundError(f"{name} is not here: apt-get install postgresql (script/setup)")
    return str(found[-1])


@contextlib.contextmanager
def running() -> Iterator[str]:
    """A server for the time of the block; gives its DATABASE_URL."""
    directory = Path(tempfile.mkdtemp(prefix="muster-pg-"))
    try:
        _own(directory)
        data = directory / "data"
        asked = [program("initdb"), "-D", data, "-U", USER, "-A", "trust", "-N", "-E", "UTF8"]
        _run([*map(str, asked), "--no-locale", "--no-instructions"])
        with _server(directory, data):
            yield f"postgres://{USER}@{quote(str(directory), safe='')}/postgres"
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def _server(directory: Path, data: Path) -> Iterator[None]:
    options = [part for one in HASTE for part in ("-c", one)]
    command = [program("postgres"), "-D", str(data), "-k", str(directory), "-h", "", *options]
    with (directory / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, **_as_user())
    try:
        deadline = time.monotonic() + START_SECONDS
        ready = [program("pg_isready"), "-q", "-h", str(directory), "-U", USER]
        while subprocess.run(ready, check=False).returncode:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"no PostgreSQL: {(directory / 'log').read_text()[-2000:]}")
            time.sleep(0.05)
        yield
    finally:
        if server.poll() is None:
            server.send_signal(signal.SIGINT)  # fast: ends what is connected
            try:
                server.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                server.send_signal(signal.SIGQUIT)
                server.wait(STOP_SECONDS)


def _own(directory: Path) -> None:
    """PostgreSQL does not run as root."""
    if os.geteuid() == 0:
        account = pwd.getpwnam(USER)
        os.chown(directory, account.pw_uid, account.pw_gid)


def _as_user() -> dict[str, Any]:
    return {"user": USER, "group": USER, "extra_groups": []} if os.geteuid() == 0 else {}


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, **_as_user())
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stderr[-2000:]}")
