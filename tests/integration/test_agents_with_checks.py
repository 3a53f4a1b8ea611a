"""Health checks on real agents: a VIP goes where its service is, and stays where nobody has it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.agents import VIPS, Agent, Cluster, cluster, defined, wait
from workers.failover.core.definitions import Definitions, Vip

SERVED, COMMANDED, PLAIN = VIPS[:3]
PORT = 2525
SMTP = f"smtp:{PORT}"
SERVER = """
import socket, sys
server = socket.create_server(("", int(sys.argv[1])))
while True:
    client, (address, _) = server.accept()
    print(address, flush=True)
    client.sendall(b"220 here\\r\\n")
    client.close()
"""


def checked(directory: Path) -> Definitions:
    plain = defined(1, VIPS[:3])
    checks = {SERVED: SMTP, COMMANDED: f"command:{directory}/well", PLAIN: ""}
    return replace(
        plain,
        knobs=replace(
            plain.knobs, check_interval=0.1, check_timeout=0.3, check_fall=2, flap_limit=0.5
        ),
        vips={vip: Vip(vip, check=check) for vip, check in checks.items()},
    )


class Services:
    """SMTP servers of the hosts, and a file for each node that says it is well."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.directory = directory
        self._stack = stack
        self._servers: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, agent: Agent) -> None:
        command = [sys.executable, "-c", SERVER, str(PORT)]
        with (self.directory / f"clients-{agent.name}").open("ab") as clients:
            server = subprocess.Popen(
                ["ip", "netns", "exec", agent.host.name, *command], stdout=clients
            )
        self._servers[agent.name] = server
        self._stack.callback(self.stop, agent)

    def stop(self, agent: Agent) -> None:
        server = self._servers.pop(agent.name, None)
        if server is not None:
            server.kill()
            server.wait(10)

    def clients(self, agent: Agent) -> set[str]:
        return set((self.directory / f"clients-{agent.name}").read_text().split())

    def make_well(self, agent: Agent, well: bool) -> None:
        file = self.directory / f"well-{agent.name}"
        file.touch() if well else file.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    directory = tmp_path_factory.mktemp("services")
    program = directory / "well"
    program.write_text(
        "#!/bin/sh\ntest -e $(dirname $0)/well-$MUSTER_NODE || { echo ill; false; }\n"
    )
    program.chmod(0o755)
    with ExitStack() as stack:
        yield Services(directory, stack)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, services: Services) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("nodes"), checked(services.directory)) as three:
        for agent in three:
            services.start(agent)
            services.make_well(agent, True)
            agent.start()
        wait(lambda: three.spread() == [1, 1, 1], "each has a VIP")
        yield three


def owner_of(running: Cluster, vip: str) -> Agent | None:
    found = [agent for agent in running if vip in agent.held()]
    return found[0] if len(found) == 1 else None


def owner(running: Cluster, vip: str) -> Agent:
    wait(lambda: owner_of(running, vip), f"{vip} has one owner")
    found = owner_of(running, vip)
    assert found is not None
    return found


def results(agent: Agent) -> dict[str, bool | None]:
    return {row["check"]: row["healthy"] for row in agent.status()["checks"]}


def test_the_service_is_asked_from_the_address_that_it_serves(
    running: Cluster, services: Services
) -> None:
    serving = owner(running, SERVED)
    wait(lambda: all(all(results(agent).values()) for agent in running), "all checks are good")
    wait(lambda: SERVED in services.clients(serving), "the VIP is asked")

    for agent in running:
        own = agent.host.addresses().keys()
        assert services.clients(agent) <= {*own, SERVED}, "never the anchor of the lease"


@pytest.mark.parametrize("vip", [SERVED, COMMANDED])
def test_a_vip_leaves_a_node_whose_service_died(
    vip: str, running: Cluster, services: Services
) -> None:
    ill = owner(running, vip)
    _break(services, ill, vip)
    wait(lambda: "fails" in _healths(ill)[-1], "it fails")

    wait(lambda: (now := owner_of(running, vip)) and now is not ill, "it is elsewhere")

    _mend(services, ill, vip)
    wait(lambda: "is good" in _healths(ill)[-1], "it is good again")


def test_where_no_node_is_well_the_vip_stays(running: Cluster, services: Services) -> None:
    before = owner(running, COMMANDED)
    others = [agent for agent in running if agent is not before]
    for agent in (*others, before):
        _break(services, agent, COMMANDED)
        wait(lambda agent=agent: "fails" in _healths(agent)[-1], "it fails")  # type: ignore[misc]

    assert owner(running, COMMANDED) is before
    _mend(services, others[0], COMMANDED)
    wait(lambda: owner_of(running, COMMANDED) is others[0], "it goes where it is well")


def _healths(agent: Agent) -> list[str]:
    return ["", *(one["detail"] for one in agent.events() if one["kind"] == "health")]


def _break(services: Services, agent: Agent, vip: str) -> None:
    if vip == SERVED:
        services.stop(agent)
    else:
        services.make_well(agent, False)


def _mend(services: Services, agent: Agent, vip: str) -> None:
    if vip == SERVED:
        services.start(agent)
    else:
        services.make_well(agent, True)
