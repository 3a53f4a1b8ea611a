"""Starts of a consumer that must fail, and those that must not: one sentence, nothing half done."""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.integration.agents import CIDR, GATEWAY, Agent, Cluster, cluster, defined, wait
from workers.failover.core.definitions import Topology
from workers.failover.core.definitions_text import render


@dataclass(frozen=True)
class Outcome:
    """How a start ended."""

    code: int
    said: str


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("nodes"), defined()) as three:
        yield three


@pytest.fixture
def agent(three: Cluster, tmp_path: Path) -> Agent:
    """A node of its own on mta1's host, with good files and not running."""
    made = Agent("mta1", three["mta1"].host, tmp_path)
    made.write(defined())
    return made


def refused(agent: Agent, *before: str) -> Outcome:
    """Run it to its end, and see that it left nothing behind."""
    addresses, promotion = agent.host.addresses().keys(), agent.host.promotion()
    found = agent.run(*before)

    assert agent.host.addresses().keys() == addresses
    assert agent.host.promotion() == promotion
    assert not agent.door.exists()
    assert not (agent.state / "incarnation").exists()
    assert found.stdout == ""
    lines = found.stderr.splitlines()
    assert len(lines) == 1, found.stderr
    assert lines[0].startswith("muster: ")
    return Outcome(found.returncode, lines[0])


def test_without_root(agent: Agent) -> None:
    plain = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--no-new-privs")

    found = refused(agent, *plain)

    assert found.code == 2
    assert found.said.endswith("CAP_NET_ADMIN and CAP_NET_RAW; run as root")


def test_as_root_without_the_right_to_speak_arp(agent: Agent) -> None:
    found = refused(agent, "setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-net_raw")

    assert found.code == 2
    assert "CAP_NET_RAW; run as root" in found.said


def test_without_a_configuration(agent: Agent) -> None:
    agent.config.unlink()

    found = refused(agent)

    assert found.code == 2
    assert found.said == (
        f"muster: {agent.config}: cannot be read: No such file or directory;"
        " name another file with --config"
    )


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('node = "mta1"', 'nod = "mta1"', ":3: this file: unknown key nod; did you mean node?"),
        ('node = "mta1"\n', "", ":1: this file: node is missing; write node = ..."),
        ('node = "mta1"', 'node = "mta1', ":3: not TOML"),
        ('node = "mta1"', "node = 1", ":3: this file: node is 1; write a text"),
        ('node = "mta1"', 'node = "MTA_1"', ":3: node 'MTA_1': not a name"),
        ("socket = ", 'socket = "x"\n#', "socket is 'x'; write the whole path"),
    ],
)
def test_with_a_broken_configuration(agent: Agent, old: str, new: str, words: str) -> None:
    agent.config.write_text(agent.config.read_text().replace(old, new))

    found = refused(agent)

    assert found.code == 2
    assert words in found.said
    assert str(agent.config) in found.said


def test_without_the_cluster_key(agent: Agent) -> None:
    agent.key.unlink()

    found = refused(agent)

    assert found.code == 2
    assert f"{agent.key}: cannot read the cluster key: No such file" in found.said


def test_with_a_key_that_others_may_read(agent: Agent) -> None:
    agent.key.chmod(0o644)

    found = refused(agent)

    assert found.code == 2
    assert f"run: chmod 600 {agent.key}" in found.said


def test_with_a_broker_that_is_no_address(agent: Agent) -> None:
    agent.brokers = ("http://198.18.0.251/",)
    agent.write(defined())

    found = refused(agent)

    assert found.code == 2
    assert "198.18.0.251" in found.said


def test_a_node_that_is_not_defined(agent: Agent) -> None:
    agent.name = "mta9"
    agent.write(defined())

    found = refused(agent)

    assert found.code == 2
    assert "node mta9 is not in revision 1 of the definitions of test/default" in found.said
    assert "add a [node.mta9] section" in found.said


def test_an_interface_that_does_not_exist(agent: Agent) -> None:
    agent.put(render(replace(defined(), topologies=(Topology(CIDR, "eth7", (GATEWAY,)),))))

    found = refused(agent)

    assert found.code == 2
    assert f"interface eth7 for {CIDR} does not exist on node mta1; create it" in found.said


def test_definitions_of_which_none_are_good(agent: Agent) -> None:
    agent.put("format = 1\ncluster = ")

    found = refused(agent)

    assert found.code == 2
    assert f"{agent.definitions}:2: not TOML" in found.said


def test_without_definitions(agent: Agent) -> None:
    agent.definitions.unlink()

    found = refused(agent)

    assert found.code == 2
    assert "No such file or directory; put the definitions of the subcluster there" in found.said


def test_definitions_of_another_cluster(agent: Agent) -> None:
    agent.put(render(replace(defined(), cluster="prod")))

    found = refused(agent)

    assert found.code == 2
    assert "is for prod/default, this node is in test/default; use the right file" in found.said


def test_a_file_where_the_socket_should_be(agent: Agent) -> None:
    agent.door.write_text("mine")

    found = agent.run()

    assert found.returncode == 2
    assert found.stderr == (
        f"muster: {agent.door}: is no socket; remove it, or choose another socket in NODE.toml\n"
    )
    assert agent.door.read_text() == "mine"
    assert not agent.held()


def test_a_second_agent_of_the_node(three: Cluster) -> None:
    first = three["mta1"]
    first.start()
    wait(lambda: first.held(), "it is at work")
    held = first.held()

    second = first.run()
    (first.directory / "other").mkdir()
    other = Agent("mta1", first.host, first.directory / "other")
    other.write(defined())
    other.config.write_text(other.config.read_text().replace(str(other.door), str(first.door)))
    third = other.run()

    assert (second.returncode, third.returncode) == (2, 2)
    assert f"{first.state}: another agent is using it; stop it first" in second.stderr
    assert f"{first.door}: another agent of this node is running; stop it first" in third.stderr
    assert first.held() >= held
    assert first.status()["state"] == "ready"
    first.kill()


def test_a_socket_that_a_killed_agent_left_is_replaced(agent: Agent) -> None:
    agent.start()
    wait(lambda: agent.state_word() == "ready", "ready")
    agent.kill()
    assert agent.door.is_socket()

    agent.start()
    wait(lambda: agent.state_word() == "ready", "ready again")
    agent.signal(signal.SIGINT)

    assert agent.process is not None
    assert agent.process.wait(2) == os.EX_OK
    assert not agent.door.exists()
    assert not agent.held()
