"""The listener as a real process, with a real broker: nothing lost, nothing twice, soon."""

import asyncio
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pika
import pytest

from tests.integration.brokers import NODES, RunningBroker
from tests.integration.histories import through_faults
from tests.integration.managers import ROOT, VIPS, Manager, definitions
from tests.integration.reporters import ScriptedReporter
from workers.bus.exchanges import NODE_QUEUE_ARGUMENTS, node_queue
from workers.failover.core.reports import Holding

PATIENCE_SECONDS = 20.0
NOTICED_SECONDS = 5.0
"""Sooner than AMQP's own heartbeats notice a hung broker."""
LAG_SECONDS = 0.1
STATES = """
    SELECT address, state, owner FROM vips_vipstatus JOIN vips_vip ON vip_id = vips_vip.id
"""
VERDICTS = """
    SELECT name, verdict FROM inventory_nodestatus
    JOIN inventory_node ON node_id = inventory_node.id AND name LIKE 'mta%'
"""
HEARD = "SELECT connected, broker FROM events_listenerstatus"


def test_nothing_is_lost_or_doubled_when_broker_and_listener_are_killed(tmp_path: Path) -> None:
    told: list[str] = []

    count = through_faults(tmp_path, 10_000, told.append)

    assert (count.lost, count.doubled) == (0, 0), (count, told)
    assert count.stored == count.told == 10_000


@pytest.fixture(scope="module")
def database(
    tmp_path_factory: pytest.TempPathFactory, rabbitmq: RunningBroker
) -> Iterator[Manager]:
    """A manager's database, ready to be listened for."""
    manager = Manager(tmp_path_factory.mktemp("manager"), [rabbitmq.url("manager")])
    manager.set_up()
    yield manager
    manager.kill()


@pytest.fixture
def manager(database: Manager) -> Iterator[Manager]:
    """The same with its listener, which hears the bus."""
    database.errors.write_text("")
    database.start()
    asyncio.run(until(lambda: "in the room at" in database.errors.read_text()))
    yield database
    database.kill()


@asynccontextmanager
async def reporting(
    manager: Manager, broker: RunningBroker
) -> AsyncIterator[list[ScriptedReporter]]:
    """Three nodes that report, each with a run of its own."""
    run = round(time.time() * 1000)
    reporters = [ScriptedReporter(node, [broker.url(node)], manager.key, run) for node in NODES]
    for reporter in reporters:
        reporter.peers = {other.node: "alive" for other in reporters if other is not reporter}
        reporter.open()
    try:
        await until(lambda: dict(manager.rows(VERDICTS)) == dict.fromkeys(NODES, "alive"))
        yield reporters
    finally:
        for reporter in reporters:
            await reporter.close()


async def until(condition: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> float:
    """Wait for a condition; the seconds that took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds
        await asyncio.sleep(0.002)
    return time.monotonic() - began


def owners(manager: Manager) -> dict[str, tuple[str, str]]:
    return {vip: (state, owner) for vip, state, owner in manager.rows(STATES)}


def test_a_taking_is_in_the_database_within_a_tenth_of_a_second(
    manager: Manager, rabbitmq: RunningBroker
) -> None:
    async def story() -> list[float]:
        async with reporting(manager, rabbitmq) as (first, second, _):
            lags = []
            for epoch, (node, vip) in enumerate(
                ((node, vip) for vip in VIPS for node in (first, second)), 1
            ):
                # A report may go out at any instant: it must not contradict the event.
                (second if node is first else first).held.pop(vip, None)
                node.held[vip] = Holding(vip, epoch, 0.0)
                node.happen("taken", vip=vip, epoch=epoch)
                shown = ("owned", node.node)
                lags.append(await until(lambda s=shown, v=vip: owners(manager)[v] == s))  # type: ignore[misc]
                node.report()
            return lags

    assert statistics.median(asyncio.run(story())) < LAG_SECONDS


def test_a_hung_broker_is_noticed_and_then_nothing_is_known(
    manager: Manager, rabbitmq: RunningBroker
) -> None:
    async def story() -> None:
        async with reporting(manager, rabbitmq):
            rabbitmq.signal(signal.SIGSTOP)
            try:
                await until(lambda: manager.rows(HEARD)[0][0] == 0, NOTICED_SECONDS)
                await until(lambda: set(dict(manager.rows(VERDICTS)).values()) == {"unknown"})
            finally:
                rabbitmq.signal(signal.SIGCONT)
            await until(lambda: dict(manager.rows(VERDICTS)) == dict.fromkeys(NODES, "alive"))
            place = f"in the room at 127.0.0.1:{rabbitmq.broker.port}"
            await until(lambda: manager.rows(HEARD)[0] == (1, place))

    asyncio.run(story())


def test_a_stopped_listener_ends_at_once_and_said_little(
    manager: Manager, rabbitmq: RunningBroker
) -> None:
    async def story() -> None:
        async with reporting(manager, rabbitmq) as reporters:
            reporters[0].happen("late", 1000)

    asyncio.run(story())

    assert manager.stop() < 2.0
    lines = manager.errors.read_text().splitlines()
    place = f"127.0.0.1:{rabbitmq.broker.port}"
    assert sorted(lines) == [
        f"configuration: heard at {place}",
        f"counts: heard at {place}",
        f"default: in the room at {place}",
        f"logs: heard at {place}",
    ]


def test_a_subcluster_that_is_new_is_heard(manager: Manager, rabbitmq: RunningBroker) -> None:
    async def story() -> None:
        async with reporting(manager, rabbitmq):
            path = manager.directory / "other.toml"
            path.write_text(definitions("other", ("mtb1", "mtb2"), "198.19"))
            manager.manage("bootstrap", "--definitions", str(path))
            await until(lambda: "other: in the room at" in manager.errors.read_text())

    asyncio.run(story())


def test_a_node_that_lags_is_handed_the_definitions_again(
    manager: Manager, rabbitmq: RunningBroker
) -> None:
    queue = node_queue(NODES[0])
    waiting = pika.BlockingConnection(pika.URLParameters(rabbitmq.url(NODES[0])))
    channel = waiting.channel()
    channel.queue_declare(queue, durable=True, arguments=NODE_QUEUE_ARGUMENTS)
    channel.queue_purge(queue)

    async def story() -> None:
        async with reporting(manager, rabbitmq) as reporters:
            reporters[0].known_revision = 0
            await until(lambda: "muster.node.define" in _task(channel, queue))

    try:
        asyncio.run(story())
    finally:
        waiting.close()


def _task(channel: Any, queue: str) -> list[str]:
    method, properties, _ = channel.basic_get(queue, auto_ack=True)
    return [properties.headers["task"]] if method else []


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"MUSTER_BROKER_URL": ""}, "MUSTER_BROKER_URL is not set"),
        ({"MUSTER_BROKER_URL": "http://x"}, "the address must be amqp://USER:PASSWORD@HOST:PORT/"),
        ({"MUSTER_KEY_FILE": ""}, "MUSTER_KEY_FILE is not set"),
        ({"MUSTER_KEY_FILE": "/nonexistent"}, "/nonexistent: cannot read the cluster key"),
        ({"DATABASE_URL": "sqlite:////nonexistent/x.sqlite3"}, "run `manage.py migrate`"),
    ],
)
def test_a_start_that_must_fail_says_why(
    database: Manager, variables: dict[str, str], sentence: str
) -> None:
    done = listen(database, variables)

    assert done.returncode == 2
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_loopback_of_another_namespace_is_refused_with_the_way_out(database: Manager) -> None:
    done = listen(database, {}, "unshare", "--net")

    assert done.returncode == 2
    assert "the loopback of this process's own network namespace" in done.stderr
    assert "name an address of the broker that this namespace reaches" in done.stderr


def listen(
    database: Manager, variables: dict[str, str], *inside: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*inside, sys.executable, ROOT / "manage.py", "listen"],
        env=database.environment | variables,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
