"""Interfaces that come, and change, after the definitions that name them: real agents follow."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.integration.agents import VIPS, Agent, Cluster, cluster, defined, wait
from tests.integration.datagrams import overheard
from tests.integration.segment import batch
from workers.failover.core.definitions import Topology
from workers.failover.core.definitions_text import render

LATE, WITNESS = "198.19.0.101", "198.19.0.254"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("nodes"), defined()) as three:
        three.restore()
        yield three


def problem(agent: Agent) -> str:
    return str(agent.status()["definitions_problem"])


def told(agent: Agent) -> str:
    """What the newest event about definitions says."""
    return str([e["detail"] for e in agent.events() if e["kind"] == "definitions"][-1])


def has_late(agent: Agent) -> bool:
    return LATE in agent.host.ip("-o", "addr", "show", "dev", "eth1")


def lay_second_cables(running: Cluster) -> None:
    """Make an `eth1` on each host, all on one more switch; the switch is the witness."""
    switch = running["mta1"].host.switch
    batch(switch, "link add br1 type bridge", "link set br1 up", f"addr add {WITNESS}/24 dev br1")
    for agent in running:
        name, port = agent.host.name, f"second{agent.host.number}"
        batch(
            switch,
            f"link add {port} type veth peer name eth1 netns {name}",
            f"link set {port} master br1 up",
        )
        batch(name, f"addr add 198.19.0.{agent.host.number}/24 dev eth1", "link set eth1 up")


def test_an_interface_that_comes_after_its_definitions_is_used(running: Cluster) -> None:
    wider = defined(2, (*VIPS, LATE))
    second = Topology("198.19.0.0/24", "eth1", (WITNESS,))
    wider = replace(wider, topologies=(*wider.topologies, second))

    running["mta1"].put(render(wider))
    wait(lambda: all("eth1" in problem(agent) for agent in running), "all say what is missing")
    running["mta1"].ask("reread")
    assert "interface eth1 for 198.19.0.0/24 does not exist" in problem(running["mta1"])
    assert running.once()
    wait(lambda: "revision 2 is not followed yet" in told(running["mta1"]), "an event says so")

    lay_second_cables(running)
    wait(lambda: not any(map(problem, running)), "all follow")
    wait(lambda: sum(map(has_late, running)) == 1, "what is defined there has an owner")
    assert told(running["mta1"]) == "the definitions file is good, and followed"


def test_another_link_address_is_told_to_the_peers(running: Cluster) -> None:
    changed, peer = running["mta1"].host, running["mta2"].host
    new = "02:00:00:00:77:77"
    assert changed.mac != new

    changed.ip("link", "set", "eth0", "address", new)

    # Two speak, at the same rate: of four in a row some are of the one that changed.
    wait(lambda: any(new.encode() in said for said in overheard(peer, 4)), "a peer hears of it")
