"""The node's Celery worker with real brokers: Celery's traps, and what it leaves on a broker."""

import contextlib
import itertools
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pika
import pytest
from celery import Celery

from tests.integration.brokers import RunningBroker
from tests.integration.node_parts import Home, push, sender, wait
from workers.bus.exchanges import GENERATED_QUEUE_PREFIX, NODE_QUEUE_ARGUMENTS
from workers.exit_codes import Exit
from workers.failover.tasks import DEFINE

WORKER = "workers.celery"
QUEUE = "node.mta1"
NOTICED_SECONDS = 20.0
"""A hung broker is left within 8 s on a quiet machine: two heartbeats, and a try to come back."""
BACK_SECONDS = 15.0
STOP_SECONDS = 15.0
REVISIONS = itertools.count(1)
"""What an earlier test left in a queue is always older."""


@pytest.fixture
def home(tmp_path: Path, rabbitmq: RunningBroker) -> Iterator[Home]:
    with at_home(tmp_path, rabbitmq.url("mta1")) as found:
        yield found
    with contextlib.closing(pika.BlockingConnection(pika.URLParameters(rabbitmq.url("mta1")))) as c:
        c.channel().queue_purge(QUEUE)


@contextlib.contextmanager
def at_home(directory: Path, *brokers: str) -> Iterator[Home]:
    found = Home(directory / "mta1", brokers)
    found.lay_down()
    try:
        yield found
    finally:
        found.end()


@pytest.fixture
def manager(rabbitmq: RunningBroker) -> Iterator[Celery]:
    app = sender(rabbitmq.url("manager"))
    yield app
    app.close()


def test_definitions_reach_the_node(home: Home, manager: Celery) -> None:
    first, second, third = next(REVISIONS), next(REVISIONS), next(REVISIONS)
    push(manager, first)  # before the node ever ran: the queue is the same whoever makes it
    home.start(WORKER)
    wait(lambda: home.revision() == first, "what waited is done")
    push(manager, second)
    wait(lambda: home.revision() == second, "what comes is done")
    push(manager, second)
    push(manager, first)
    push(manager, third)
    wait(lambda: home.revision() == third, "older and doubled ones are passed over")
    wait(lambda: home.said().count(" written;") == 3, "each is written once")


def test_nothing_but_json_is_taken_and_the_worker_lives(
    home: Home, manager: Celery, rabbitmq: RunningBroker
) -> None:
    first = next(REVISIONS)
    worker = home.start(WORKER)
    canary = home.directory / "pickled"
    manager.send_task(DEFINE, ["default", Bomb(canary), "x"], queue=QUEUE, serializer="pickle")
    push(manager, first)
    wait(lambda: home.revision() == first, "the worker goes on")
    assert worker.poll() is None
    assert "untrusted content of type pickle" in home.said()
    assert not canary.exists()


POISON: dict[str, tuple[bytes, dict[str, Any]]] = {
    "no task": (b"hello", {}),
    "no identity": (b"[[], {}, {}]", {"headers": {"task": DEFINE}}),
    "no text": (b"\xff\xfe", {"headers": {"task": DEFINE, "id": "1"}}),
    "no name": (b"[]", {"headers": {"task": ["x"], "id": {}}}),
    "unknown": (b"[[], {}, {}]", {"headers": {"task": "muster.node.unknown", "id": "1"}}),
    "no instant": (b"{}", {"headers": {"task": DEFINE, "id": "1", "eta": "never"}}),
    "no encoding": (b"{}", {"headers": {"task": DEFINE, "id": "1"}, "content_encoding": "zz"}),
    "no limit": (b"[1, 2, 3]", {"headers": {"task": DEFINE, "id": "1", "timelimit": 3}}),
    "no embedded": (b'[[1], {"no": 3}, 7]', {"headers": {"task": DEFINE, "id": "1"}}),
    "bad embedded": (b'[[1], {}, {"errbacks": [4]}]', {"headers": {"task": DEFINE, "id": "1"}}),
    "few arguments": (b"[[1], {}, {}]", {"headers": {"task": DEFINE, "id": "1"}}),
    "many arguments": (b"[[1, 2, 3, 4, 5], {}, {}]", {"headers": {"task": DEFINE, "id": "1"}}),
}


def test_a_message_that_is_no_task_is_thrown_away_for_good(
    home: Home, manager: Celery, rabbitmq: RunningBroker
) -> None:
    first = next(REVISIONS)
    worker = home.start(WORKER)
    for body, properties in POISON.values():
        raw(rabbitmq, body, **({"content_type": "application/json"} | properties))
    push(manager, first)
    wait(lambda: home.revision() == first, "the worker goes on")
    assert worker.poll() is None
    worker.terminate()
    assert worker.wait(STOP_SECONDS) == Exit.OK
    with contextlib.closing(pika.BlockingConnection(pika.URLParameters(rabbitmq.url("mta1")))) as c:
        assert c.channel().basic_get(QUEUE) == (None, None, None)


class Bomb:
    """What runs when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.canary),)


def raw(rabbitmq: RunningBroker, body: bytes, **properties: Any) -> None:
    """Put any message into the node's queue."""
    parameters = pika.URLParameters(rabbitmq.url("manager"))
    with contextlib.closing(pika.BlockingConnection(parameters)) as connection:
        channel = connection.channel()
        channel.queue_declare(QUEUE, durable=True, arguments=NODE_QUEUE_ARGUMENTS)
        channel.basic_publish("", QUEUE, body, pika.BasicProperties(**properties))


def test_only_the_nodes_queue_is_made(tmp_path: Path, spare: RunningBroker) -> None:
    first, before = next(REVISIONS), queues(spare)
    with at_home(tmp_path, spare.url("mta1")) as home:
        home.start(WORKER)
        with contextlib.closing(sender(spare.url("manager"))) as app:
            push(app, first)
            wait(lambda: home.revision() == first, "the worker works")
        there = {name for name in queues(spare) if not name.startswith(GENERATED_QUEUE_PREFIX)}
        assert QUEUE in there
        assert there <= before | {QUEUE}  # exchanges its account may not make


def queues(broker: RunningBroker) -> set[str]:
    """The names of the queues that a broker has, by its own word."""
    names = "[binary_to_list(element(4, element(2, Queue))) || Queue <- rabbit_amqqueue:list()]"
    return set(json.loads(broker.control(names)))


def test_a_broker_that_dies_and_comes_back_is_used_again(
    tmp_path: Path, spare: RunningBroker
) -> None:
    first, second = next(REVISIONS), next(REVISIONS)
    with at_home(tmp_path, spare.url("mta1")) as home:
        worker = home.start(WORKER)
        with contextlib.closing(sender(spare.url("manager"))) as app:
            push(app, first)
            wait(lambda: home.revision() == first, "the worker works")
        spare.signal(signal.SIGKILL)
        wait(lambda: "Connection to broker lost" in home.said(), "the loss is noticed")
        spare.start()
        spare.wait_ready()
        with contextlib.closing(sender(spare.url("manager"))) as app:
            push(app, second)
        wait(lambda: home.revision() == second, "it works again", BACK_SECONDS)
        assert worker.poll() is None


def test_a_hung_broker_is_left_for_the_next(
    tmp_path: Path, spare: RunningBroker, rabbitmq: RunningBroker, manager: Celery
) -> None:
    first, second = next(REVISIONS), next(REVISIONS)
    with at_home(tmp_path, spare.url("mta1"), rabbitmq.url("mta1")) as home:
        worker = home.start(WORKER)
        with contextlib.closing(sender(spare.url("manager"))) as app:
            push(app, first)
            wait(lambda: home.revision() == first, "the worker works")
        spare.signal(signal.SIGSTOP)
        try:
            push(manager, second)
            wait(
                lambda: home.revision() == second, "it has gone to the next broker", NOTICED_SECONDS
            )
            worker.terminate()
            assert worker.wait(STOP_SECONDS) == Exit.OK
        finally:
            spare.signal(signal.SIGCONT)


def test_a_hung_worker_gives_way_to_another(home: Home, manager: Celery) -> None:
    r1, r2, r3, r4 = next(REVISIONS), next(REVISIONS), next(REVISIONS), next(REVISIONS)
    first = home.start(WORKER)
    push(manager, r1)
    wait(lambda: home.revision() == r1, "the first works")
    first.send_signal(signal.SIGSTOP)
    push(manager, r2)  # may wait for the first, which never answers
    second = home.start(WORKER)
    wait(lambda: home.revision() == r2, "the second does what the first has left")
    push(manager, r3)
    wait(lambda: home.revision() == r3, "and goes on")
    first.send_signal(signal.SIGCONT)  # does what it had once more, if it had it
    push(manager, r4)
    wait(lambda: home.revision() == r4, "both together do no harm")
    assert second.poll() is None


def test_it_ends_when_told_without_any_broker(tmp_path: Path) -> None:
    with at_home(tmp_path, "amqp://mta1:secret@127.0.0.1:1/") as home:
        worker = home.start(WORKER)
        wait(lambda: "Cannot connect" in home.said(), "it tries")
        assert "secret" not in home.said()
        worker.terminate()
        assert worker.wait(STOP_SECONDS) == Exit.OK


@pytest.mark.parametrize(
    ("brokers", "sentence"),
    [
        ([], "mta1 has no broker; name some in NODE.toml"),
        (["redis://localhost"], "the address must be amqp://USER:PASSWORD@HOST:PORT/"),
    ],
)
def test_a_broker_that_is_none_is_said(tmp_path: Path, brokers: list[str], sentence: str) -> None:
    with at_home(tmp_path, *brokers) as home:
        assert home.start(WORKER).wait(STOP_SECONDS) == Exit.USAGE
        assert sentence in home.said()
