"""The `muster` command against a real manager over a real socket: every command, real refusals.

The manager is uvicorn with SQLite on loopback; nodes are rows that a process keeps as the listener
would. Commands run as processes of their own where that matters, otherwise in this one.
"""

import csv
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from cluster_admin.cli.main import build, named_group
from cluster_admin.cli.surroundings import Surroundings
from tests.integration.managing import ADMIN, PASSWORD, Manager

MUSTER = Path(sys.executable).with_name("muster")
PATIENCE_SECONDS = 20.0
FORMATS: dict[str, Callable[[str], Any]] = {
    "table": str.splitlines,
    "wide": str.splitlines,
    "json": json.loads,
    "yaml": yaml.safe_load,
    "csv": lambda text: list(csv.reader(io.StringIO(text))),
}
LOOKS = [
    "whoami",
    "status",
    "node list",
    "node list --filter verdict=alive --filter subcluster=default --sort -name",
    "node show mta1",
    "node if-dies mta1",
    "vip list",
    "vip list --filter owner=mta1 --filter version=4 --sort address",
    "vip show 198.18.0.101",
    "vip owner 198.18.0.101",
    "vip history 198.18.0.101",
    "subcluster list",
    "subcluster show default",
    "subcluster definitions default",
    "subcluster revisions default",
    "subcluster revisions default 1",
    "topology list --filter subcluster=default",
    "topology show 198.18.0.0/24",
    "segment list",
    "settings list",
    "settings get dead_after",
    "token list",
    "audit list --limit 5",
    "audit list --filter outcome=done --filter since=1h",
    "events --limit 5",
    "events --node mta1 --vip 198.18.0.101 --kind taken --since 1h --until 0s --limit 3",
]


class Shell:
    """Somebody who is logged in; commands run in this process unless `spawn` is asked."""

    def __init__(self, home: Path, url: str) -> None:
        self.environment = {
            "MUSTER_CONFIG": str(home / "profiles.toml"),
            "PATH": os.environ["PATH"],
            "HOME": str(home),
        }
        self.login(url)

    def login(self, url: str) -> None:
        done = self.types(f"login {url} --user {ADMIN} --password-stdin", f"{PASSWORD}\n")
        assert done.exit_code == 0, done.stderr

    def types(self, command: str, stdin: str | None = None) -> Any:
        words = command.split()
        around = Surroundings(environment=self.environment, asks=False, shows=False, reports=False)
        muster = build(named_group(words, {}))
        return CliRunner().invoke(muster, words, input=stdin, obj=around)

    def spawn(self, command: str, **more: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [MUSTER, *command.split()],
            env={**self.environment, **more},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def runs(self, command: str, **more: str) -> tuple[int, str, str]:
        process = self.spawn(command, **more)
        stdout, stderr = process.communicate(timeout=PATIENCE_SECONDS)
        return process.returncode, stdout, stderr


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    manager = Manager.laid_down(tmp_path_factory.mktemp("manager"))
    try:
        manager.start()
        yield manager
    finally:
        manager.kill()


@pytest.fixture(scope="module")
def shell(manager: Manager, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    shell = Shell(tmp_path_factory.mktemp("home"), manager.url)
    assert shell.types("segment add rack-7 --description second").exit_code == 0
    return shell


@pytest.mark.parametrize("command", LOOKS)
def test_a_look_in_every_format(command: str, shell: Shell) -> None:
    for shape, read in FORMATS.items():
        done = shell.types(f"{command} -o {shape}")
        assert done.exit_code == 0, (shape, done.stderr, done.exception)
        assert read(done.stdout), shape
        if shape == "csv":
            assert len({len(row) for row in read(done.stdout)}) == 1


LIFE = [
    "subcluster create outbound --description out",
    "subcluster edit outbound --description world",
    "segment add rack-8",
    "topology add 203.0.113.0/24 -s outbound --interface eth0 --witness 203.0.113.1",
    "topology edit 203.0.113.0/24 --interface eth1 --segment rack-8",
    "node add out1 -s outbound --address 203.0.113.11 --segment rack-8",
    "node edit out1 --weight 2 --interface 203.0.113.0/24=ens5",
    "node maintenance out1 --reason disks",
    "node undrain out1",
    "node drain out1",
    "node undrain out1",
    "vip add 203.0.113.101 203.0.113.102 -s outbound --prefer out1 --description one",
    "vip edit 203.0.113.102 --prefer= --follow 203.0.113.101 --weight 3",
    "vip edit 203.0.113.102 --follow= --binding bulk",
    "settings set dead_after 0.9 -s outbound",
    "settings unset dead_after -s outbound",
    "vip remove 203.0.113.101 203.0.113.102",
    "node remove out1",
    "topology remove 203.0.113.0/24",
    "segment remove rack-8",
    "subcluster remove outbound",
]


def test_every_change_from_the_first_to_the_last(shell: Shell) -> None:
    for command in LIFE:
        done = shell.types(f"{command} --yes -o json")
        assert done.exit_code == 0, (command, done.stderr, done.exception)
        assert {row["outcome"] for row in json.loads(done.stdout)} == {"done"}, command


def test_a_dry_run_shows_the_diff_and_changes_nothing(shell: Shell) -> None:
    before = shell.types("subcluster definitions default").stdout
    for command, pending in [
        ("vip add 198.18.0.120 -s default", True),
        ("vip edit 198.18.0.102 --prefer mta2", True),
        ("vip edit 198.18.0.102 --prefer=", False),
        ("vip remove 198.18.0.102", True),
        ("node drain mta1", True),
        ("settings set dead_after 0.9", True),
    ]:
        done = shell.types(f"{command} --dry-run")
        assert done.exit_code == (10 if pending else 0), (command, done.stderr, done.exception)
        assert ("\n+" in done.stdout or "\n-" in done.stdout) is pending

    assert shell.types("subcluster definitions default").stdout == before


def test_definitions_go_out_and_come_back(shell: Shell, tmp_path: Path) -> None:
    text = shell.types("subcluster definitions default").stdout
    file = tmp_path / "definitions.toml"
    file.write_text(text)
    same = shell.types(f"subcluster definitions default --import {file} --dry-run")
    file.write_text(text.partition("\n")[2].replace("weight = 2", "weight = 3"))
    other = shell.types(f"subcluster definitions default --import {file} --dry-run")

    assert (same.exit_code, same.stdout) == (0, "")
    assert other.exit_code == 10, other.stderr
    assert "-weight = 2\n+weight = 3\n" in other.stdout


@pytest.mark.parametrize(
    ("command", "exit_code", "says"),
    [
        ("vip show 198.18.0.250", 3, "198.18.0.250"),
        ("vip add 192.0.2.1 -s default", 2, "192.0.2.1"),
        ("vip add 198.18.0.11 -s default", 2, "198.18.0.11"),
        ("vip add 198.18.0.101 -s default", 2, "198.18.0.101"),
        ("vip add nonsense -s default", 2, "nonsense"),
        ("vip edit 198.18.0.102 --follow 198.18.0.102", 2, "follow"),
        ("vip list --filter state=nonsense", 2, "nonsense"),
        ("vip list --sort nonsense", 2, "nonsense"),
        ("node show mta9", 3, "mta9"),
        ("settings set dead_after 1000", 2, "dead_after"),
        ("settings set nonsense 1", 3, "nonsense"),
        ("subcluster remove default --yes", 3, "default"),
        ("segment remove nonsense --yes", 3, "nonsense"),
        ("token create t --scopes nonsense", 2, "nonsense"),
        ("whoami --token nonsense", 3, "muster login"),
        ("whoami --url http://127.0.0.1:1", 4, "127.0.0.1:1"),
    ],
)
def test_a_refusal_names_the_thing(command: str, exit_code: int, says: str, shell: Shell) -> None:
    done = shell.types(command)

    assert done.exit_code == exit_code, done.stderr
    assert says in done.stderr
    assert done.stdout == ""


def test_a_read_only_token_changes_nothing_and_a_revoked_one_reads_nothing(shell: Shell) -> None:
    made = shell.types("token create monitoring --read-only --expires 1h -o json")
    token = json.loads(made.stdout)["token"]

    assert shell.types(f"vip list --token {token}").exit_code == 0
    assert shell.types(f"node drain mta1 --token {token}").exit_code == 3
    assert shell.types("token revoke monitoring --yes").exit_code == 0
    assert shell.types(f"vip list --token {token}").exit_code == 3


def test_living_nodes_are_awaited(manager: Manager, shell: Shell) -> None:
    slow = shell.types("vip add 198.18.0.121 -s default --timeout 0.5")
    with manager.obedience():
        added = shell.types("vip add 198.18.0.120 -s default -o json")
        drained = shell.types("node drain mta1 --reason update")
        back = shell.types("node undrain mta1")
        removed = shell.types("vip remove 198.18.0.120 198.18.0.121 --yes")

    assert slow.exit_code == 6, slow.stderr
    assert "nobody owns 198.18.0.121" in slow.stderr
    assert json.loads(added.stdout)[0]["revision"] > 1
    for done in (added, drained, back, removed):
        assert done.exit_code == 0, done.stderr
    audit = json.loads(shell.types("audit list --filter action=drain -o json").stdout)
    assert audit[0]["reason"] == "update"


def test_events_are_followed_through_the_death_of_the_manager(
    manager: Manager, shell: Shell
) -> None:
    newest = json.loads(shell.types("status -o json").stdout)["events"]["newest_id"]
    follower = shell.spawn(f"events --follow --after {newest} -o json")
    try:
        manager.happens(1001, 50)
        lines = [_line(follower) for _ in range(50)]
        manager.kill()
        manager.happens(1051, 50)
        manager.start()
        lines += [_line(follower) for _ in range(50)]
        follower.send_signal(signal.SIGINT)
        rest, notes = follower.communicate(timeout=PATIENCE_SECONDS)
    finally:
        follower.kill()

    assert [json.loads(line)["number"] for line in lines] == list(range(1001, 1101))
    assert rest == ""
    assert "trying again" in notes
    assert follower.returncode == 130


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    return process.stdout.readline()


def test_completion_is_silent_and_help_loads_little(manager: Manager, shell: Shell) -> None:
    live = {"_MUSTER_COMPLETE": "complete_bash", "COMP_CWORD": "3"}

    code, shown, _ = shell.runs("", COMP_WORDS="muster vip show 198.18.0.10", **live)
    _, away, complaint = shell.runs(
        "", COMP_WORDS="muster node show mta", MUSTER_URL="http://127.0.0.1:1", **live
    )
    code_of_help = "from cluster_admin.cli.main import main; main()"
    command = [sys.executable, "-X", "importtime", "-c", code_of_help, "--help"]
    helped = subprocess.run(command, capture_output=True, text=True, check=True)
    imported = {line.rpartition("|")[2].strip() for line in helped.stderr.splitlines()}

    assert code == 0
    assert {"198.18.0.101", "198.18.0.102"} <= set(shown.split())
    assert (away.strip(), complaint) == ("", "")
    assert imported.isdisjoint({"httpx", "yaml", "pyroute2", "django", "ssl"})


def test_data_alone_is_on_stdout_of_a_real_process(shell: Shell) -> None:
    code, shown, notes = shell.runs("vip list --limit 1 -o csv --columns address")

    assert (code, shown) == (0, "address\n198.18.0.101\n")
    assert "1 of 6" in notes


def test_a_reader_that_leaves_is_no_traceback(shell: Shell) -> None:
    words = ["sh", "-c", f"{MUSTER} settings list -o json | head -n 1"]
    done = subprocess.run(words, env=shell.environment, capture_output=True, text=True, check=False)

    assert done.stdout == "[\n"
    assert done.stderr == ""


def test_logging_out_ends_the_token(manager: Manager, tmp_path: Path) -> None:
    visitor = Shell(tmp_path, manager.url)
    token = (tmp_path / "profiles.toml").read_text().split('token" = "')[1].split('"')[0]

    assert visitor.types("logout").exit_code == 0
    assert visitor.types(f"whoami --url {manager.url} --token {token}").exit_code == 3
