"""`script/install` and the units, on a machine of its own as far as files go.

A private mount namespace has its own /opt, /etc, /usr/local and /var/lib, so that nothing of this
machine is touched; packages are this machine's.
"""

import contextlib
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.brokers import RunningBroker
from tests.integration.managing import free_port

ROOT = Path(__file__).resolve().parents[2]
INSTALL_SECONDS, READY_SECONDS = 400.0, 30.0
UNITS = ("agent", "beat", "listener", "reporter", "tasks", "web", "worker")
APART = """
set -eu
mkdir -p "$1/etc" "$1/opt" "$1/local/bin" "$1/lib"
cp -a /etc/. "$1/etc/"
mount --bind /var/lib/dpkg "$1/lib"
mount -t tmpfs tmpfs /var/lib
mkdir /var/lib/dpkg
mount --move "$1/lib" /var/lib/dpkg
mount --bind "$1/etc" /etc
mount --bind "$1/opt" /opt
mount --bind "$1/local" /usr/local
echo ready
exec sleep infinity
"""
pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(os.geteuid() != 0, reason="mounts need root"),
]


class Machine:
    """Files of its own, held by a process that sleeps."""

    def __init__(self, home: Path) -> None:
        self.holder = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", APART, "sh", home],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.holder.stdout
        assert self.holder.stdout.readline() == "ready\n"

    def words(self, *words: str) -> list[str]:
        """A command line that runs there."""
        return ["nsenter", "--mount", "--target", str(self.holder.pid), "--wd=/", *words]

    def run(
        self, *words: str, seconds: float = 60.0, status: int = 0
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command there to its end."""
        done = subprocess.run(
            self.words(*words), capture_output=True, text=True, timeout=seconds, check=False
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done

    def install(self, *roles: str) -> str:
        """Run the script; what it told."""
        return self.run(str(ROOT / "script" / "install"), *roles, seconds=INSTALL_SECONDS).stderr

    def text(self, path: str) -> str:
        """A file there."""
        return self.run("cat", path).stdout


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """With everything installed, for both roles, once."""
    found = Machine(tmp_path_factory.mktemp("machine"))
    try:
        found.install("node", "manager")
        yield found
    finally:
        found.holder.kill()
        found.holder.wait()


@pytest.fixture(scope="module")
def managed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBroker]:
    """A broker at which accounts can be made."""
    running = RunningBroker.laid_down(tmp_path_factory.mktemp("managed"), managed=True)
    try:
        running.start()
        running.wait_ready()
        yield running
    finally:
        running.stop()


def test_systemd_accepts_the_units(machine: Machine) -> None:
    units = [f"/etc/systemd/system/muster-{name}.service" for name in UNITS]

    assert machine.run("sh", "-c", "ls /etc/systemd/system/muster-*").stdout.split() == units
    checked = machine.run("systemd-analyze", "verify", "--man=no", *units)
    assert "muster" not in checked.stderr, checked.stderr


def test_a_role_brings_its_units_alone(machine: Machine) -> None:
    machine.run("sh", "-c", "rm /etc/systemd/system/muster-*")
    machine.install("node")
    there = machine.run("sh", "-c", "ls /etc/systemd/system/ | grep muster").stdout.split()

    assert there == [f"muster-{name}.service" for name in ("agent", "reporter", "worker")]
    machine.install("node", "manager")


def test_it_may_be_repeated_and_brings_a_newer_version(machine: Machine) -> None:
    stamp = machine.run("stat", "-c", "%i %Y", "/opt/muster/.venv/.muster-runtime").stdout
    machine.run("rm", "-rf", "/opt/muster/workers")
    machine.run("sh", "-c", "echo old >/opt/muster/manage.py; mkdir /opt/muster/.old")
    told = machine.install("manager", "node")

    assert "ready" in told
    assert machine.text("/opt/muster/manage.py") == (ROOT / "manage.py").read_text()
    left = machine.run("ls", "-A", "/opt/muster").stdout.split()
    assert not {".old", ".new"} & set(left)
    assert machine.run("stat", "-c", "%i %Y", "/opt/muster/.venv/.muster-runtime").stdout == stamp
    assert not {"script", "tests", "bench"} & set(left)


def test_the_command_is_there_and_others_cannot_change_the_program(machine: Machine) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", machine.run("muster", "version").stdout)
    writable = ("find", "/opt/muster", "!", "-type", "l", "-perm", "/022")
    assert machine.run(*writable).stdout == ""


def test_an_installed_manager_runs_as_its_unit_says(
    machine: Machine, managed: RunningBroker
) -> None:
    machine.run(
        *("muster", "manager", "init", "--cluster", "installed", "--url", "http://127.0.0.1:8025"),
        *("--broker", f"amqp://127.0.0.1:{managed.broker.port}/"),
        *("--broker-management", managed.management_url),
    )
    owners = ("find", "/var/lib/muster/manager", "!", "-user", "muster")
    assert machine.run(*owners).stdout == ""
    port = free_port()
    with running(machine, "muster-web", {"--port 8025": f"--port {port}"}) as web:
        wait_for(machine, web, f"http://127.0.0.1:{port}/readyz")
    with running(machine, "muster-beat", {}) as beat:
        schedule = "/var/lib/muster/manager/beat-schedule"
        wait(lambda: machine.run("sh", "-c", f"ls {schedule}* || true").stdout != "", beat)
    status = machine.run("muster", "manager", "status", "-o", "json").stdout
    assert '"cluster": "installed"' in status


@contextlib.contextmanager
def running(
    machine: Machine, unit: str, instead: dict[str, str]
) -> Iterator["subprocess.Popen[str]"]:
    """What the unit starts, as its user, with its environment file."""
    text = machine.text(f"/etc/systemd/system/{unit}.service")
    [command] = re.findall(r"^ExecStart=(.+)$", text, re.MULTILINE)
    for old, new in instead.items():
        assert old in command
        command = command.replace(old, new)
    lines = machine.text("/etc/muster/manager.env").splitlines()
    variables = dict(line.split("=", 1) for line in lines)
    command = re.sub(r"\$\{(\w+)\}", lambda name: variables[name[1]], command)
    user = ("setpriv", "--reuid=muster", "--regid=muster", "--clear-groups")
    process = subprocess.Popen(
        machine.words(*user, "sh", "-c", f"cd /opt/muster && exec {command}"),
        env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(READY_SECONDS)


def wait_for(machine: Machine, process: "subprocess.Popen[str]", url: str) -> None:
    """Until the address answers with success."""
    ask = (
        "import sys,urllib.request as u\n"
        "try: sys.exit(u.urlopen(sys.argv[1], timeout=2).status != 200)\n"
        "except OSError: sys.exit(1)"
    )
    words = machine.words("/opt/muster/.venv/bin/python", "-c", ask, url)
    wait(lambda: subprocess.run(words, check=False).returncode == 0, process)


def wait(condition: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    """Until the condition holds, as long as the process lives."""
    deadline = time.monotonic() + READY_SECONDS
    while not condition():
        assert process.poll() is None, process.stdout and process.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.2)
