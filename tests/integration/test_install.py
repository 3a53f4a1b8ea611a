"""`script/install`, the units, and the walk of docs/three-servers.md, on a machine of its own."""

import dataclasses
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.brokers import ADMINISTRATOR, RunningBroker
from tests.integration.machines import ROOT, Machine, running, wait, wait_for
from tests.integration.managing import free_port
from workers.lab.rabbitmq import lay_down

PAGE = (ROOT / "docs" / "three-servers.md").read_text()
LINES = re.findall(r"^ {4}(?:sudo )?(?:--\S+ )?(muster .+)$", PAGE, re.MULTILINE)
FIRST_WORD = "/var/lib/muster/manager/admin.password"
PRIVATE = ("cluster.key", "manager.env", "manager.key", "node.toml")
UNITS = (
    *("agent", "beat", "collector", "listener", "logs"),
    *("metrics", "reporter", "tasks", "web", "worker"),
)
pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(os.geteuid() != 0, reason="mounts need root"),
]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """With everything installed, for both roles, once."""
    found = Machine(tmp_path_factory.mktemp("machine"))
    try:
        try:
            found.install("node", "manager")
        except AssertionError as error:
            if "index cannot be reached" in str(error):
                pytest.skip("this machine is offline")
            raise
        yield found
    finally:
        found.holder.kill()
        found.holder.wait()


@pytest.fixture(scope="module")
def managed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBroker]:
    """A broker that knows its administrator and nobody else."""
    running = RunningBroker.laid_down(tmp_path_factory.mktemp("managed"), managed=True)
    running.broker = dataclasses.replace(running.broker, accounts=(ADMINISTRATOR,))
    lay_down(running.broker)
    try:
        running.start()
        running.wait_ready()
        yield running
    finally:
        running.stop()


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not here")
def test_systemd_accepts_the_units(machine: Machine) -> None:
    units = [f"/etc/systemd/system/muster-{name}.service" for name in UNITS]

    assert machine.run("sh", "-c", "ls /etc/systemd/system/muster-*").stdout.split() == units
    checked = machine.run("systemd-analyze", "verify", "--man=no", *units)
    assert "muster" not in checked.stderr, checked.stderr


def test_a_role_brings_its_units_alone(machine: Machine) -> None:
    machine.run("sh", "-c", "rm /etc/systemd/system/muster-*")
    machine.install("node")
    there = machine.run("sh", "-c", "ls /etc/systemd/system/ | grep muster").stdout.split()

    assert there == [
        f"muster-{name}.service" for name in ("agent", "logs", "metrics", "reporter", "worker")
    ]
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


class Walk:
    """Whoever types the page's lines: names in them become those of the test."""

    def __init__(self, machine: Machine, broker: RunningBroker, home: Path) -> None:
        self.machine, self.port = machine, free_port()
        self.environment = {
            "MUSTER_CONFIG": str(home / "profiles.toml"),
            "MUSTER_BROKER_MANAGEMENT_URL": broker.management_url,
        }
        self.instead = {
            "https://mta1.example.net": f"http://127.0.0.1:{self.port}",
            "amqp://mta1.example.net/": f"amqp://127.0.0.1:{broker.broker.port}/",
            "--user admin": "--user admin --password-stdin",
            " --ca tls.crt": "",
        }

    def types(self, line: str, status: int = 0) -> "subprocess.CompletedProcess[str]":
        """Run a line of the page."""
        for old, new in self.instead.items():
            line = line.replace(old, new)
        stdin = self.machine.text(FIRST_WORD) if "--password-stdin" in line else ""
        return self.machine.run(
            *shlex.split(line), stdin=stdin, environment=self.environment, status=status
        )


def test_the_walk_line_by_line(machine: Machine, managed: RunningBroker, tmp_path: Path) -> None:
    walk = Walk(machine, managed, tmp_path)
    init, *rest = LINES
    walk.types(init)
    owners = ("find", "/var/lib/muster/manager", "!", "-user", "muster")
    assert machine.run(*owners).stdout == ""
    with running(machine, "muster-web", {"--port 8025": f"--port {walk.port}"}) as web:
        wait_for(machine, web, f"http://127.0.0.1:{walk.port}/readyz")
        for line in rest:
            done = walk.types(line)
            if found := re.search(r"--token (\S+)", done.stderr):
                walk.instead.setdefault("TOKEN", found[1])
        [join] = [line for line in LINES if "node join" in line]
        assert "is a node already" in walk.types(join, status=3).stderr
    check_node(machine)
    status = walk.types("muster manager status -o json").stdout
    assert '"cluster": "example"' in status


def check_node(machine: Machine) -> None:
    """The host is mta1 beside being the manager, and neither touches what is the other's."""
    found = machine.run("stat", "-c", "%n %U %a", *(f"/etc/muster/{name}" for name in PRIVATE))
    assert found.stdout.splitlines() == [
        f"/etc/muster/{name} {'muster' if name == 'manager.key' else 'root'} 600"
        for name in PRIVATE
    ]
    keys = {machine.text(f"/etc/muster/{name}") for name in PRIVATE if name.endswith(".key")}
    assert len(keys) == 1
    assert 'node = "mta1"' in machine.text("/etc/muster/node.toml")
    definitions = machine.text("/var/lib/muster/node/definitions.toml")
    assert all(text in definitions for text in ("mta3", "198.51.100.103", "198.51.100.1"))
    assert machine.run("stat", "-c", "%U", "/var/lib/muster").stdout == "root\n"


def test_a_clock_writes_where_its_account_may(machine: Machine) -> None:
    schedule = "/var/lib/muster/manager/beat-schedule"
    with running(machine, "muster-beat", {}) as beat:
        wait(lambda: machine.run("sh", "-c", f"ls {schedule}* || true").stdout != "", beat)
