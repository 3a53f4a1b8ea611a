"""A private RabbitMQ: what its accounts may do, what it leaves behind, and three of them as one."""

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pika
import pika.exceptions
import pytest
from pyroute2 import netns

from tests.integration.brokers import CLUSTER, NODES, SUBCLUSTER, RunningBroker
from workers.bus.accounts import password_hash
from workers.bus.connection import Connection
from workers.bus.exchanges import heartbeat_exchange, heartbeat_room
from workers.lab.errors import LabError
from workers.lab.rabbitmq import Account, Broker, lay_down, make_cookie, wait_ready

ROOM = heartbeat_exchange(CLUSTER, SUBCLUSTER)
CLUSTER_START_SECONDS = 120.0
CLUSTER_ADDRESSES = ("10.9.0.1", "10.9.0.2", "10.9.0.3")
CLIENT_ADDRESS = "10.9.0.9"


@contextlib.contextmanager
def channel(rabbitmq: RunningBroker, node: str) -> Iterator[Any]:
    connection = pika.BlockingConnection(pika.URLParameters(rabbitmq.url(node)))
    try:
        yield connection.channel()
    finally:
        if connection.is_open:
            connection.close()


def test_a_password_is_hashed_as_the_broker_does() -> None:
    salt = bytes.fromhex("908dc60a")  # the example of RabbitMQ's documentation
    assert password_hash("test12", salt) == "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"


def test_secrets_are_for_the_owner_alone(rabbitmq: RunningBroker) -> None:
    home = rabbitmq.broker.directory
    assert (home / "home" / ".erlang.cookie").stat().st_mode & 0o777 == 0o400
    assert (home / "definitions.json").stat().st_mode & 0o777 == 0o600
    assert home.stat().st_mode & 0o777 == 0o700
    stored = (home / "definitions.json").read_text()
    assert "secret-mta1" not in stored


def test_an_account_can_do_what_a_node_needs(rabbitmq: RunningBroker) -> None:
    with channel(rabbitmq, "mta1") as mine:
        queue = mine.queue_declare("", exclusive=True).method.queue
        mine.queue_bind(queue, ROOM)
        mine.confirm_delivery()
        mine.basic_publish(ROOM, "", b"hello", pika.BasicProperties(user_id="mta1"))
        _method, properties, body = mine.basic_get(queue, auto_ack=True)
        assert (body, properties.user_id) == (b"hello", "mta1")


@pytest.mark.parametrize(
    ("reply_code", "deed"),
    [
        (403, lambda c: c.queue_declare("mail")),
        (403, lambda c: c.exchange_declare("mine", "fanout")),
        (403, lambda c: c.exchange_delete(ROOM)),
        (403, lambda c: c.basic_publish("amq.fanout", "", b"x")),
        (403, lambda c: c.queue_bind(c.queue_declare("").method.queue, "amq.fanout")),
        (406, lambda c: c.basic_publish(ROOM, "", b"x", pika.BasicProperties(user_id="mta2"))),
    ],
    ids=["queue", "exchange", "delete the room", "publish", "bind", "another's name"],
)
def test_and_nothing_else(
    rabbitmq: RunningBroker, reply_code: int, deed: Callable[[Any], object]
) -> None:
    with channel(rabbitmq, "mta1") as mine:
        mine.confirm_delivery()
        with pytest.raises(pika.exceptions.ChannelClosedByBroker) as closed:
            deed(mine)
        assert closed.value.reply_code == reply_code


def test_a_missing_room_that_may_not_be_made_is_said_and_not_hammered(
    rabbitmq: RunningBroker,
) -> None:
    told: list[tuple[bool, str]] = []

    async def test() -> None:
        room = heartbeat_room(CLUSTER, "nowhere", 0.6)
        connection = Connection(
            [rabbitmq.url("mta1")], room, lambda _body, _user: None, lambda *news: told.append(news)
        )
        connection.open()
        await asyncio.sleep(1.5)
        assert 2 <= connection.counts.attempts <= 8
        await connection.close()

    asyncio.run(test())
    assert [up for up, _sentence in told] == [False]


def test_waiting_for_a_broker_that_never_comes_ends_with_a_sentence() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        with pytest.raises(LabError, match=f"127.0.0.1:{port}"):
            wait_ready("127.0.0.1", port, time.monotonic() + 0.1)


def test_nothing_is_left_of_a_stopped_broker(tmp_path: Path) -> None:
    running = RunningBroker.laid_down(tmp_path / "brief")
    try:
        running.start()
        running.wait_ready()
        assert processes_of(running.broker.directory)
    finally:
        running.stop()
    deadline = time.monotonic() + 5
    while processes_of(running.broker.directory) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert processes_of(running.broker.directory) == []


def processes_of(directory: Path) -> list[int]:
    """Processes that have the broker's home in their environment, port mapper included."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"HOME={directory}/home".encode() in (path / "environ").read_bytes():
                found.append(int(path.name))
    return found


# Three brokers as one, each in a network namespace, on a bridge in a fourth.


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[RunningBroker]]]:
    """Three running brokers, and the namespace their client lives in."""
    if os.geteuid() != 0:
        pytest.fail("network namespaces need root: run script/test, or this with sudo")
    prefix = f"mt-bus{os.getpid()}"
    accounts = tuple(Account(node, secrets.token_hex(8), (ROOM,)) for node in NODES)
    cookie = make_cookie()
    members = []
    try:
        make_switch(prefix)
        for number, address in enumerate(CLUSTER_ADDRESSES, start=1):
            make_host(prefix, str(number), address)
            home = tmp_path / str(number)
            broker = Broker(home, address, cookie, accounts, peers=CLUSTER_ADDRESSES)
            lay_down(broker)
            members.append(RunningBroker(broker, namespace=f"{prefix}-{number}"))
        make_host(prefix, "c", CLIENT_ADDRESS)
        for member in members:
            member.start()
        yield f"{prefix}-c", members
    finally:
        for member in members:
            member.stop()
        for name in ("1", "2", "3", "c", "switch"):
            subprocess.run(["ip", "netns", "del", f"{prefix}-{name}"], check=False)


def make_switch(prefix: str) -> None:
    ip("netns", "add", f"{prefix}-switch")
    ip("-n", f"{prefix}-switch", "link", "add", "switch0", "type", "bridge")
    ip("-n", f"{prefix}-switch", "link", "set", "switch0", "up")


def make_host(prefix: str, name: str, address: str) -> None:
    space, switch = f"{prefix}-{name}", f"{prefix}-switch"
    ip("netns", "add", space)
    port = ("name", f"p{name}", "netns", switch)
    ip("-n", space, "link", "add", "eth0", "type", "veth", "peer", *port)
    ip("-n", space, "address", "add", f"{address}/24", "dev", "eth0")
    ip("-n", space, "link", "set", "lo", "up")
    ip("-n", space, "link", "set", "eth0", "up")
    ip("-n", switch, "link", "set", f"p{name}", "master", "switch0", "up")


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


def test_three_brokers_are_one_room_that_survives_a_member(
    cluster: tuple[str, list[RunningBroker]],
) -> None:
    space, members = cluster
    first, second, _third = (m.broker for m in members)
    room = heartbeat_room(CLUSTER, SUBCLUSTER, 0.6)
    heard: list[bytes] = []

    async def inside() -> None:
        brokers = [b.url(b.accounts[0]) for b in (first, second)]
        one = Connection(brokers, room, lambda *_: None, lambda *_: None)
        two = Connection(
            [second.url(second.accounts[1])],
            room,
            lambda body, _: heard.append(body),
            lambda *_: None,
        )
        for connection in (one, two):
            connection.open()
        await until(lambda: one.up and two.up)
        await speak(one, b"across")
        members[0].signal(signal.SIGKILL)
        await until(lambda: not one.up)
        await until(lambda: one.up)
        await speak(one, b"again")
        for connection in (one, two):
            await connection.close()

    async def speak(connection: Connection, body: bytes) -> None:
        while body not in heard:
            connection.publish(body)
            await asyncio.sleep(0.02)

    async def until(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(CLUSTER_START_SECONDS):
            while not condition():
                await asyncio.sleep(0.02)

    def in_namespace() -> None:
        netns.setns(space)
        for member in members:
            deadline = time.monotonic() + CLUSTER_START_SECONDS
            wait_ready(member.broker.address, member.broker.port, deadline)
        asyncio.run(inside())

    with ThreadPoolExecutor(1) as pool:  # a namespace is a thread's own
        pool.submit(in_namespace).result()
