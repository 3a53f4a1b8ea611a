"""A fourth node joins a lab that runs, by the commands an operator types; tokens work once."""

import os
import re
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.lab.looking import assert_nothing_left, wait_until
from workers.exit_codes import Exit
from workers.lab import joining, manager_files, network
from workers.lab.bringup import Wish, bring_up, take_down
from workers.lab.core.hosts import Host, namespace, next_node
from workers.lab.errors import LabError
from workers.lab.health import look, missing
from workers.lab.host_files import host_directory, node_file
from workers.lab.lab import Lab

GREEN_SECONDS, ANSWER_SECONDS = 60.0, 10.0


class Joined:
    """A lab with mail, a fourth node, and what the join said."""

    def __init__(self, name: str) -> None:
        self.name, self.said = name, list[str]()
        bring_up(Wish(name=name, manager=True), self.said.append)
        self.host = joining.join(name, self.said.append)

    @property
    def lab(self) -> Lab:
        """The lab as it is recorded now."""
        return Lab.load(self.name)

    def green(self) -> bool:
        """Whether nothing is missing."""
        record = self.lab.record
        return not missing(record, look(record))

    def get(self, path: str) -> Any:
        """What the manager answers."""
        headers = {"Authorization": f"Bearer {self.lab.manager_token}"}
        answer = httpx.get(
            f"{self.lab.manager_url}/api/v1/{path}", headers=headers, timeout=ANSWER_SECONDS
        )
        answer.raise_for_status()
        return answer.json()

    def held(self) -> set[str]:
        """The VIPs that the fourth node holds, by its own account."""
        health = look(self.lab.record)
        return {
            vip
            for vip in health.vips(self.lab.record)
            if any(holding.node == self.host.name for holding in health.holders(vip))
        }


@pytest.fixture(scope="module")
def joined() -> Iterator[Joined]:
    name = f"j{os.getpid()}"
    pids: list[int] = []
    try:
        found = Joined(name)
        yield found
        pids = [process.pid for process in found.lab.processes()]
    finally:
        take_down(name)
    assert_nothing_left(name, pids)


def test_a_fourth_node_joins_and_takes_its_share(joined: Joined) -> None:
    assert joined.host.name == "mta4"
    assert joined.lab.nodes == ("mta1", "mta2", "mta3", "mta4")
    assert joined.green()
    assert len(joined.held()) in (1, 2)  # six VIPs on four nodes
    status = joined.get("nodes/mta4/")["status"]
    assert (status["verdict"], status["state"]) == ("alive", "ready")
    assert status["rings"]["a"]
    assert look(joined.lab.record).sink["by_node"]["mta4"] > 0


def test_its_identity_is_its_own_and_for_root_alone(joined: Joined) -> None:
    path = node_file(joined.lab.record, "mta4")
    settings = tomllib.loads(path.read_text())
    others = tomllib.loads(node_file(joined.lab.record, "mta1").read_text())

    assert {url.partition("//")[2].partition(":")[0] for url in settings["brokers"]} == {"mta4"}
    assert set(settings["brokers"]).isdisjoint(others["brokers"])
    assert path.stat().st_mode & 0o777 == 0o600
    key = Path(settings["key_file"])
    assert key.read_text() == (joined.lab.directory / "cluster.key").read_text()
    assert key.stat().st_mode & 0o777 == 0o600
    assert not (host_directory(joined.lab.record, "mta4") / "join.json").exists()


def _redeem(joined: Joined, token: str, place: Path) -> tuple[int, str]:
    """Try a token on the fourth host, with an attempt and files of its own."""
    url = manager_files.address_for_hosts(joined.lab.record)
    places = ("--directory", str(place), "--state", str(place / "state"), "--no-start")
    words = (str(joining.MUSTER), "node", "join", url, "--token", token, *places)
    done = joined.lab.exec("mta4", words)
    identity = [path for path in place.rglob("*") if path.suffix in (".key", ".toml")]
    assert bool(identity) == (done.returncode == Exit.OK)
    return done.returncode, done.stderr


@pytest.fixture
def fifth(joined: Joined) -> Iterator[Host]:
    """A node that is defined, has no host, and goes again."""
    host = next_node(joined.lab.subnet, joined.lab.record.hosts)
    assert host
    yield host
    done = joining.muster(joined.lab, "node", "remove", host.name, "--yes", "--force", "--no-wait")
    assert done.returncode == Exit.OK, done.stderr
    wait_until(joined.green, GREEN_SECONDS, "all green")


def test_a_token_works_once_and_a_newer_one_ends_it(
    joined: Joined, fifth: Host, tmp_path: Path
) -> None:
    older, newer = (joining.new_token(joined.lab, fifth) for _ in range(2))

    assert _redeem(joined, older, tmp_path / "a")[0] == Exit.REFUSED
    assert _redeem(joined, newer, tmp_path / "b")[0] == Exit.OK
    status, sentence = _redeem(joined, newer, tmp_path / "c")
    assert status == Exit.REFUSED
    assert newer not in sentence


def test_a_token_ends(joined: Joined, fifth: Host, tmp_path: Path) -> None:
    token = joining.new_token(joined.lab, fifth, "1s")
    time.sleep(1.1)
    status, sentence = _redeem(joined, token, tmp_path)

    assert status == Exit.REFUSED
    assert token not in sentence


@pytest.mark.parametrize("token", ["muster_join_" + "x" * 43, "nonsense"])
def test_a_token_of_nobody_is_refused(joined: Joined, tmp_path: Path, token: str) -> None:
    status, sentence = _redeem(joined, token, tmp_path)

    assert status == Exit.REFUSED, sentence
    assert re.search("token", sentence)
    assert token not in sentence


def test_a_join_that_fails_leaves_nothing_of_its_host(joined: Joined) -> None:
    joined.lab.inject("power-loss", ["manager1"])
    try:
        with pytest.raises(LabError, match="muster node add"):
            joining.join(joined.name, joined.said.append)
    finally:
        joined.lab.heal("all")

    assert joined.lab.nodes == ("mta1", "mta2", "mta3", "mta4")
    assert namespace(joined.name, "mta5") not in network.namespaces(joined.name)
    assert not (joined.lab.directory / "mta5").exists()
    wait_until(joined.green, GREEN_SECONDS, "all green")


def test_it_comes_back_after_a_power_loss_as_the_others_do(joined: Joined) -> None:
    joined.lab.inject("power-loss", ["mta4"])
    wait_until(lambda: not joined.held(), GREEN_SECONDS, "others take its VIPs")
    joined.lab.heal("all")

    wait_until(joined.green, GREEN_SECONDS, "all green")
    assert joined.held()
