"""`muster node ...` against a real agent, and without one: data to stdout, exit codes."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.integration.agents import VIPS, Agent, cluster, defined, wait
from workers.failover.cli import app


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    """One of three nodes, alone, holding everything."""
    with cluster(tmp_path_factory.mktemp("nodes"), defined()) as three:
        one = three["mta1"]
        one.start()
        wait(lambda: len(one.held()) == len(VIPS), "it holds all VIPs")
        yield one


def muster_node(agent: Agent, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--socket", str(agent.door)])


def test_vips_says_who_holds_them_and_why(agent: Agent) -> None:
    table, data = muster_node(agent, "vips"), muster_node(agent, "vips", "-o", "json")

    assert (table.exit_code, data.exit_code) == (0, 0)
    assert all(vip in table.stdout for vip in VIPS)
    assert "it had no owner" in table.stdout
    assert {vip: said["owner"] for vip, said in json.loads(data.stdout).items()} == dict.fromkeys(
        VIPS, "mta1"
    )


def test_status_says_what_it_is(agent: Agent) -> None:
    table, data = muster_node(agent, "status"), muster_node(agent, "status", "--output", "json")

    assert "mta1 (test/default)" in table.stdout
    assert "no broker is configured" in table.stdout
    assert "ready" in table.stdout
    assert json.loads(data.stdout)["state"] == "ready"


def test_events_are_one_per_line(agent: Agent) -> None:
    data = muster_node(agent, "events", "-o", "json")
    events = [json.loads(line) for line in data.stdout.splitlines()]
    later = muster_node(agent, "events", "-o", "json", "--since", str(events[-2]["number"]))

    assert {e["vip"] for e in events if e["kind"] == "taken"} == set(VIPS)
    assert json.loads(later.stdout.splitlines()[0]) == events[-1]
    assert "taken" in muster_node(agent, "events").stdout


def test_the_socket_is_read_from_the_configuration(agent: Agent) -> None:
    config = str(agent.directory / "node.toml")

    assert CliRunner().invoke(app, ["status", "--config", config]).exit_code == 0


def test_without_an_agent_the_exit_code_is_4(tmp_path: Path) -> None:
    found = CliRunner().invoke(app, ["status", "--socket", str(tmp_path / "none")])

    assert found.exit_code == 4
    assert found.stdout == ""
    assert "No such file or directory; start it with" in found.stderr


def test_an_agent_that_stands_still_is_no_agent_that_is_missing(tmp_path: Path) -> None:
    """Given a socket whose queue is full and that nobody serves."""
    path = tmp_path / "door"
    with socket.socket(socket.AF_UNIX) as stopped, ExitStack() as stack:
        stopped.bind(str(path))
        stopped.listen(0)
        refusal = 0
        while refusal == 0:
            client = stack.enter_context(socket.socket(socket.AF_UNIX))
            client.setblocking(False)
            refusal = client.connect_ex(str(path))
        found = CliRunner().invoke(app, ["status", "--socket", str(path)])

    assert found.exit_code == 4
    assert "it runs, but is stopped or too busy; look at its process" in found.stderr


def test_events_are_followed_until_ctrl_c(agent: Agent) -> None:
    number = agent.events()[-2]["number"]
    options = ["--follow", "-o", "json", "--since", str(number), "--socket", str(agent.door)]
    command = [Path(sys.executable).with_name("muster"), "node", "events", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as shown:
        assert shown.stdout is not None
        assert shown.stderr is not None
        assert json.loads(shown.stdout.readline())["number"] == number + 1
        shown.send_signal(signal.SIGINT)

        assert shown.wait(10) == 0
        assert shown.stderr.read() == b""


def test_without_a_configuration_the_exit_code_is_2(tmp_path: Path) -> None:
    found = CliRunner().invoke(app, ["vips", "--config", str(tmp_path / "none.toml")])

    assert found.exit_code == 2
    assert "cannot be read: No such file or directory; name another file" in found.stderr
