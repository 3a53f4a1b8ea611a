"""A lab's manager loses its disk and is restored from a node; what differs from before is counted.

Files and definitions are committed until there is a history to lose. Then the manager's host loses
its power and all that its programs wrote; `muster manager restore` brings it back from one node's
replica. Counted is what differs in git, in the index and in the definitions' rows: numbers, hashes,
authors, messages, times, texts. Then a commit has to go live on every node as before.
"""

import json
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path

import httpx

from bench import config_lab
from bench.errors import BenchError
from bench.options import Teller
from tests.integration.memories import Memory
from tests.integration.memories import differences as compared
from tests.lab import configured
from workers.lab.core.faults import FaultKind
from workers.lab.health import look, missing
from workers.lab.lab import Lab

LIMIT_SECONDS = 60.0
LOOK_SECONDS = 0.2
COMMITS = 8
FIRST_SIZE = 20_000_000
WRITTEN = ("muster.sqlite3", "configuration.git", "beat-schedule", "prepared", "admin.token")
"""What the manager's programs write into its data directory begins with one of these; the lab lays
down the rest, which would be in /etc."""
_SETTINGS = ("MUSTER_", "DJANGO_", "DATABASE_")
DEPLOYMENT = "/api/v1/config/deployments/default/"


def differences(lab: Lab, tell: Teller) -> int:
    """How much differs after it; raises `BenchError` when it cannot be restored at all."""
    manager, node = lab.managers[0], lab.nodes[-1]
    with config_lab.client_of(lab) as client:
        _follow(client)
        _grow(lab, client)
        newest = configured.newest(client)
    _wait(lambda: all(configured.runs(lab, one, newest) for one in lab.nodes), "all have it")
    before = _memory(lab, manager)
    began = time.monotonic()
    lab.inject(FaultKind.POWER_LOSS, [manager])
    environment = lab.environment(manager)
    _lose(Path(environment["MUSTER_DATA_DIRECTORY"]))
    replica = lab.host_directory(node) / "state" / "config.git"
    tell(_restored(environment, replica))
    lab.heal()
    _wait(lambda: not missing(lab.record, look(lab.record)), "all is green")
    seconds = time.monotonic() - began
    found = compared(before, _memory(lab, manager))
    for one in found:
        tell(f"differs: {one}")
    tell(f"r{newest} restored from {node} after {seconds:.1f} s: {len(before)} facts compared")
    _go_on(lab)
    return len(found)


def _grow(lab: Lab, client: httpx.Client) -> None:
    """Commits of files and of definitions by turns."""
    for number in range(COMMITS):
        text = configured.settings(FIRST_SIZE + number)
        proposed = configured.proposal(client, configured.SETTINGS, text)
        configured.committed(configured.commit(client, proposed))
        where = f"/api/v1/vips/{lab.vips[0]}/"
        changed = client.patch(where, json={"weight": number + 2})
        if changed.status_code != HTTPStatus.OK:
            raise BenchError(f"{where}: {changed.status_code}: {changed.text}")


def _memory(lab: Lab, manager: str) -> Memory:
    done = lab.exec(manager, [sys.executable, "-m", "tests.integration.memories"])
    if done.returncode:
        raise BenchError(f"the manager does not say what it remembers: {done.stderr}")
    memory: Memory = json.loads(done.stdout)
    return memory


def _lose(data: Path) -> None:
    """Delete what the manager's programs wrote: database, repository, all of it."""
    for path in data.iterdir():
        if path.name.startswith(WRITTEN):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _restored(environment: Mapping[str, str], replica: Path) -> str:
    """Restore by the command that operators type; what it says."""
    with tempfile.TemporaryDirectory(prefix="muster-bench-") as directory:
        settings = {k: v for k, v in environment.items() if k.startswith(_SETTINGS)}
        file = Path(directory, "manager.env")
        file.touch(mode=0o600)
        file.write_text("".join(f"{k}={shlex.quote(v)}\n" for k, v in settings.items()))
        muster = Path(sys.executable).with_name("muster")
        done = subprocess.run(
            [muster, "manager", "restore", "--directory", directory, "--from", replica],
            env={k: v for k, v in environment.items() if k not in settings},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise BenchError(f"it cannot be restored: {done.stderr}")
    return done.stdout


def _go_on(lab: Lab) -> None:
    """A commit has to go live on all nodes once the subcluster follows again."""
    with config_lab.client_of(lab) as client:
        _follow(client)
        text = configured.settings(FIRST_SIZE - 1)
        proposed = configured.proposal(client, configured.SETTINGS, text)
        number = configured.committed(configured.commit(client, proposed))
        _wait(lambda: all(configured.runs(lab, one, number) for one in lab.nodes), "it is live")


def _follow(client: httpx.Client) -> None:
    followed = client.patch(DEPLOYMENT, json={"mode": "follow"})
    if followed.status_code != HTTPStatus.OK:
        raise BenchError(f"{DEPLOYMENT}: {followed.status_code}: {followed.text}")


def _wait(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while not true():
        if time.monotonic() > deadline:
            raise BenchError(f"not within {LIMIT_SECONDS:.0f} s: {what}")
        time.sleep(LOOK_SECONDS)
