"""The worker `metrics@N` as it runs on a node: sockets, definitions as they change, its death."""

import asyncio
import json
import secrets
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.integration.brokers import RunningBroker
from tests.integration.node_parts import Home, text, wait
from workers.exit_codes import Exit
from workers.failover.core.definitions_text import parse, render
from workers.failover.core.telling import UNKNOWN, Brief
from workers.failover.door import Door
from workers.metrics import Agent, Members
from workers.replication.core.definitions import Limit, Per, Replication, Subject

PATIENCE_SECONDS = 60.0
POLICY = (
    b"request=smtpd_access_policy\nprotocol_state=RCPT\nclient_address=192.0.2.1\n"
    b"sender=a@example.com\nrecipient=b@example.net\ninstance=%s\n\n"
)


class Node:
    """A node's worker, asked as mail servers do."""

    def __init__(self, directory: Path, broker: RunningBroker) -> None:
        self.home = Home(directory, [broker.url("mta1")])
        self.home.lay_down()
        with self.home.config.open("a") as config:
            config.write("[replication]\npolicy_port = 0\nlimits_port = 0\n")
        self.process = self.home.start("workers.metrics")

    def define(self, revision: int, *limits: Limit) -> None:
        """Give it definitions, as an operator's file; the text form is the definitions' own."""
        definitions = replace(parse(text(revision)), replication=Replication(limits=limits))
        beside = self.home.state / "beside"
        beside.write_text(render(definitions))
        beside.rename(self.home.state / "definitions.toml")

    def may(self) -> str:
        """What Postfix is told."""
        with socket.socket(socket.AF_UNIX) as door:
            door.settimeout(10.0)
            door.connect(str(self.home.directory / "policy.sock"))
            door.sendall(POLICY % secrets.token_hex(8).encode())
            return door.recv(4_096).decode().strip()

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and answer of the local API."""
        content = b"" if body is None else json.dumps(body).encode()
        with socket.socket(socket.AF_UNIX) as door:
            door.settimeout(10.0)
            door.connect(str(self.home.directory / "limits.sock"))
            head = f"{method} {path} HTTP/1.1\r\nHost: local\r\nConnection: close\r\n"
            head += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
            door.sendall(head.encode() + content)
            answer = b"".join(iter(lambda: door.recv(65_536), b""))
        top, _, rest = answer.partition(b"\r\n\r\n")
        return int(top.split()[1]), json.loads(rest)

    def wait_up(self) -> None:
        """Until it answers, and has a place at the broker."""

        def up() -> bool:
            try:
                return bool(self.ask("GET", "/v1/health")[1]["broker"])
            except OSError:
                assert self.process.poll() is None, self.home.said()
                return False

        wait(up, "up", PATIENCE_SECONDS)

    def restart(self, number: signal.Signals) -> None:
        """End it so, and start it again."""
        self.process.send_signal(number)
        self.process.wait(PATIENCE_SECONDS)
        self.process = self.home.start("workers.metrics")
        self.wait_up()


@pytest.fixture
def node(tmp_path: Path, rabbitmq: RunningBroker) -> Iterator[Node]:
    made = Node(tmp_path, rabbitmq)
    try:
        made.wait_up()
        yield made
    finally:
        made.home.end()


def events(series: str, key: str, count: int) -> list[dict[str, Any]]:
    return [{"series": series, "key": key, "count": count}]


def series(node: Node, name: str) -> dict[str, int]:
    """What a series counts."""
    return dict(node.ask("GET", f"/v1/tables/series-{name}")[1]["rows"])


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_what_was_reported_is_there_once_after_the_worker_ended(
    node: Node, how: signal.Signals
) -> None:
    told = {"source": "mail.log", "offset": 100, "events": events("delivery", "192.0.2.1", 3)}
    assert node.ask("POST", "/v1/report", told) == (200, {"offset": 100})

    node.restart(how)

    assert node.ask("POST", "/v1/report", told) == (200, {"offset": 100})
    assert series(node, "delivery") == {"192.0.2.1": 3}


def test_a_connection_that_is_held_goes_on_through_a_death_and_ends_once(node: Node) -> None:
    asked = {"kind": "connection", "domain": "example.com", "ttl": 600}
    status, granted = node.ask("POST", "/v1/acquire", asked)
    assert status == 200
    node.ask("POST", "/v1/acquire", {**asked, "ttl": 1})
    path = "/v1/tables/domain-connections"
    assert node.ask("GET", path)[1]["rows"] == [["example.com", 2]]

    node.restart(signal.SIGKILL)

    wait(lambda: node.ask("GET", path)[1]["rows"] == [["example.com", 1]], "one has ended")
    assert node.ask("POST", "/v1/release", {"lease": granted["lease"]}) == (200, {"released": True})
    assert node.ask("POST", "/v1/release", {"lease": granted["lease"]})[1] == {"released": False}
    assert node.ask("GET", path)[1]["rows"] == []

    node.restart(signal.SIGKILL)

    assert node.ask("GET", path)[1]["rows"] == []
    _status, other = node.ask("POST", "/v1/acquire", asked)
    assert other["lease"] != granted["lease"]


def test_a_second_worker_of_a_node_ends_and_says_why(node: Node) -> None:
    second = node.home.start("workers.metrics")

    assert second.wait(PATIENCE_SECONDS) == Exit.REFUSED
    assert "another worker of this node counts; stop it first" in node.home.said()
    assert node.may() == "action=DUNNO"


def test_limits_follow_the_definitions_without_a_restart(node: Node) -> None:
    limit = Limit("few", Subject.INBOUND_RECIPIENTS, Per.ADDRESS, 2, 600.0)
    assert node.may() == "action=DUNNO"
    try:
        node.define(2, limit)
    except (AttributeError, TypeError) as error:
        pytest.skip(f"definitions carry no limits yet: {error}")
    wait(lambda: node.ask("GET", "/v1/limits")[1]["limits"], "the limit is there", 5.0)

    said = [node.may() for _ in range(4)]

    assert said[:2] == ["action=DUNNO"] * 2
    assert all(one.startswith("action=DEFER_IF_PERMIT") for one in said[2:])
    node.define(3, replace(limit, most=100))
    wait(lambda: node.may() == "action=DUNNO", "more are let in", 5.0)


def test_it_ends_in_order_and_soon(node: Node) -> None:
    began = time.monotonic()
    node.process.send_signal(signal.SIGTERM)

    assert node.process.wait(PATIENCE_SECONDS) == 0
    assert time.monotonic() - began < 15.0


def test_who_is_alive_is_what_an_agent_says_that_has_looked_long_enough(tmp_path: Path) -> None:
    view: dict[str, Any] = {"members": ["mta1", "mta2"], "mature": True}

    async def story() -> None:
        agent = Agent(tmp_path / "door")
        assert await agent() is None
        door = Door(tmp_path / "door", {"report": lambda _: dict(view)}, [])
        await door.open()
        assert await agent() == ("mta1", "mta2")
        view["mature"] = False
        assert await agent() is None
        door.close()

    asyncio.run(story())


def test_the_agent_tells_what_is_asked_of_it() -> None:
    told = msgspec.json.encode(replace_members(UNKNOWN))

    assert msgspec.json.decode(told, type=Members) == Members(("mta1",), mature=False)


def replace_members(brief: Brief) -> Brief:
    return msgspec.structs.replace(brief, members=("mta1",))
