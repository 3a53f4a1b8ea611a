"""`muster manager init` with a real broker, a real database and a real repository."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pika
import pytest

from tests.integration.brokers import RunningBroker
from tests.integration.managing import free_port
from workers.bus.exchanges import control_exchange
from workers.bus.keys import load_keys, make_key

MUSTER = Path(sys.executable).with_name("muster")
CLUSTER = "fresh"
WORD = "correct horse battery"


@pytest.fixture(scope="module")
def managed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBroker]:
    """A broker with a management port, and no account of ours yet."""
    running = RunningBroker.laid_down(tmp_path_factory.mktemp("managed"), managed=True)
    try:
        running.start()
        running.wait_ready()
        yield running
    finally:
        running.stop()


class Site:
    """Directories of a manager to be, and the command that makes it one."""

    def __init__(self, home: Path, broker: RunningBroker) -> None:
        self.etc, self.data = home / "etc", home / "data"
        self.broker = f"amqp://127.0.0.1:{broker.broker.port}/"
        self.management = broker.management_url

    @property
    def asked(self) -> list[str]:
        """Everything that a first call has to say."""
        return [
            *("--cluster", CLUSTER, "--url", "http://127.0.0.1:8025"),
            *("--broker", self.broker, "--broker-management", self.management),
        ]

    def command(self, *words: str) -> list[str]:
        """The command line; root's files stay root's in a test."""
        places = ("--directory", str(self.etc), "--data", str(self.data), "--user", "root")
        return [str(MUSTER), "manager", "init", *places, "-o", "json", *words]

    def init(self, *words: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        """Run it to its end."""
        return subprocess.run(
            self.command(*words), input=stdin, capture_output=True, text=True, check=False
        )

    def variables(self) -> dict[str, str]:
        """What manager.env says."""
        lines = (self.etc / "manager.env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def rows(self, sql: str) -> list[Any]:
        """Straight from the database."""
        with sqlite3.connect(self.data / "muster.sqlite3") as connection:
            return connection.execute(sql).fetchall()


@pytest.fixture
def site(tmp_path: Path, managed: RunningBroker) -> Site:
    return Site(tmp_path, managed)


def modes(directory: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in directory.iterdir()}


def check_complete(site: Site) -> None:
    variables = site.variables()
    assert load_keys(variables["MUSTER_KEY_FILE"])
    assert site.rows("select name, revision from inventory_subcluster") == [("default", 1)]
    assert site.rows("select username, is_superuser from accounts_user") == [("admin", 1)]
    log = ["git", "-C", str(site.data / "configuration.git"), "log", "--oneline", "--all"]
    assert len(subprocess.run(log, capture_output=True, check=True).stdout.splitlines()) >= 1
    with pika.BlockingConnection(pika.URLParameters(variables["MUSTER_BROKER_URL"])) as bus:
        channel = bus.channel()
        channel.exchange_declare(control_exchange(CLUSTER, "default"), passive=True)
        channel.queue_declare("manager", durable=True)


def test_a_host_becomes_a_manager_and_a_second_time_nothing_changes(site: Site) -> None:
    first = site.init(*site.asked)

    assert first.returncode == 0, first.stderr
    check_complete(site)
    assert modes(site.etc) == {"manager.env": 0o600, "manager.key": 0o600}
    assert modes(site.data)["admin.password"] == 0o600
    shown = first.stdout + first.stderr
    for secret in ("MUSTER_SECRET_KEY", "MUSTER_BROKER_URL"):
        assert site.variables()[secret] not in shown
    assert (site.data / "admin.password").read_text().strip() not in shown
    steps = {row["step"]: row["outcome"] for row in json.loads(first.stdout)}
    assert steps == {
        **dict.fromkeys(("settings", "key", "data"), "new"),
        **dict.fromkeys(("broker", "tables", "account"), "done"),
    }

    before = [(path, path.read_bytes()) for path in site.etc.iterdir()]
    again = site.init()

    assert again.returncode == 0, again.stderr
    assert [(path, path.read_bytes()) for path in site.etc.iterdir()] == before
    assert {row["outcome"] for row in json.loads(again.stdout)} == {"unchanged", "done"}
    check_complete(site)
    assert site.init("--dry-run").returncode == 0


def test_a_dry_run_changes_nothing(site: Site) -> None:
    done = site.init("--dry-run", *site.asked)

    assert done.returncode == 10, done.stderr
    assert not site.etc.exists()
    assert not site.data.exists()


def test_a_broker_that_is_away_stops_it_and_the_same_secrets_go_on(
    site: Site, managed: RunningBroker
) -> None:
    nobody = f"http://administrator:hidden@127.0.0.1:{free_port()}"
    words = [nobody if word == site.management else word for word in site.asked]
    done = site.init(*words)

    assert done.returncode == 4
    assert "hidden" not in done.stderr
    before = site.variables()
    done = site.init("--broker-management", site.management)
    assert done.returncode == 0, done.stderr
    changed = {name for name, value in site.variables().items() if before[name] != value}
    assert changed == {"MUSTER_BROKER_MANAGEMENT_URL"}
    check_complete(site)


def test_killed_anywhere_it_goes_on(site: Site) -> None:
    for step in range(1, 12):
        process = subprocess.Popen(
            site.command(*site.asked),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(0.35 * step)
        if process.poll() is not None:
            break
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    done = site.init(*site.asked)

    assert done.returncode == 0, done.stderr
    check_complete(site)


def test_a_password_may_be_given_and_the_key_of_nodes_that_run(site: Site, tmp_path: Path) -> None:
    key = tmp_path / "cluster.key"
    key.touch(mode=0o600)
    key.write_text(make_key() + "\n")

    short = site.init("--password-stdin", *site.asked, stdin="short\n")
    done = site.init("--password-stdin", "--key", str(key), *site.asked, stdin=f"{WORD}\n")

    assert short.returncode == 2
    assert done.returncode == 0, done.stderr
    assert (site.etc / "manager.key").read_text() == key.read_text()
    assert not (site.data / "admin.password").exists()


def test_manage_runs_with_what_the_manager_is_told(site: Site) -> None:
    assert site.init("--bare", *site.asked).returncode == 0
    words = (MUSTER, "manager", "manage", "--directory", site.etc, "--")
    good, bad = (
        subprocess.run([*words, *more], capture_output=True, text=True, check=False)
        for more in (["showmigrations", "--plan"], ["bootstrap", "--admin", "x"])
    )

    assert good.returncode == 0, good.stderr
    assert "[X]" in good.stdout
    assert "[ ]" not in good.stdout
    assert bad.returncode == 1
    assert bad.stderr.startswith("manage.py bootstrap: a new account needs --password-file")


def test_a_bare_one_is_ready_to_be_restored(site: Site) -> None:
    done = site.init("--bare", *site.asked)

    assert done.returncode == 0, done.stderr
    assert site.rows("select count(*) from inventory_subcluster") == [(0,)]
    assert not (site.data / "configuration.git").exists()


def test_an_operators_account_at_the_broker_is_not_taken(site: Site) -> None:
    broker = site.broker.replace("//", "//administrator:guess@")
    words = [broker if word == site.broker else word for word in site.asked]
    done = site.init(*words)

    assert done.returncode == 3
    assert "administrator" in done.stderr


def test_an_account_of_this_machine_that_is_missing_is_refused(site: Site) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root chooses whose files they are")
    done = site.init(*site.asked, "--user", "nobody-of-that-name")

    assert done.returncode == 3
    assert "script/install manager" in done.stderr
    assert not site.etc.exists()
