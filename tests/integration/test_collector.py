"""The collector at a real broker: every line once, whatever dies, and no answer too early."""

import os
import random
import resource
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pika
import pytest

from tests.integration.brokers import CLUSTER, RunningBroker
from tests.integration.log_nodes import SUBSCRIBER, CollectorChild, Node
from workers.bus.exchanges import MANAGER_ACCOUNT, logs_queue

KILLS = 20
LINES = b"".join(
    b"%07d a line with a NUL \0 and \xff\xfe bytes\n" % number for number in range(60_000)
)


@pytest.fixture
def collector(rabbitmq: RunningBroker, tmp_path: Path) -> Iterator[CollectorChild]:
    child = CollectorChild(tmp_path, rabbitmq)
    child.start()
    yield child
    child.kill()
    print(child.output())
    with pika.BlockingConnection(pika.URLParameters(rabbitmq.url(MANAGER_ACCOUNT))) as connection:
        connection.channel().queue_delete(logs_queue(CLUSTER, SUBSCRIBER))


@pytest.fixture
def node(rabbitmq: RunningBroker, collector: CollectorChild) -> Iterator[Node]:
    made = Node(rabbitmq, collector.keys, "mta1")
    made.connect()
    yield made
    made.close()


def test_what_comes_twice_is_there_once(collector: CollectorChild, node: Node) -> None:
    node.send(0, b"first\n")
    node.send(6, b"second\n")
    node.send(0, b"first\n")
    node.send(6, b"second\nthird\n")
    node.wait_kept(19)

    assert collector.collected("mta1") == b"first\nsecond\nthird\n"


def test_what_is_missing_is_asked_for_until_it_comes(collector: CollectorChild, node: Node) -> None:
    node.send(0, b"first\n")
    node.wait_kept(6)
    node.send(13, b"third\n")
    while len(node.wants) < 2:
        node.hear(5)
    node.send(6, b"second\nthird\n")
    node.wait_kept(19)

    assert {(one.segment, one.position) for one in node.wants} == {(node.segment, 6)}
    assert collector.collected("mta1") == b"first\nsecond\nthird\n"


def test_what_the_node_gave_up_is_told_in_the_file(collector: CollectorChild, node: Node) -> None:
    node.send(0, b"first\n")
    node.send(106, b"", dropped=100)
    node.send(106, b"", dropped=100)
    node.send(106, b"last\n")
    node.wait_kept(111)

    first, note, last = collector.collected("mta1").splitlines()
    assert (first, last) == (b"first", b"last")
    assert note.startswith(b"muster: 100 bytes of this log were dropped here")


def test_nobody_speaks_for_another_node(
    collector: CollectorChild, node: Node, rabbitmq: RunningBroker
) -> None:
    node.send(0, b"forged\n", node="mta2")
    node.send(0, b"elsewhere\n", subcluster="other")
    node.send(0, b"outside\n", log="../../mail")
    node.send(0, b"own\n")
    node.wait_kept(4)

    assert collector.collected("mta1") == b"own\n"
    assert collector.collected("mta2") == b""
    assert "mta1 speaks in the name of mta2" in collector.output()


def test_a_node_that_missed_an_answer_hears_it_after_a_restart(
    collector: CollectorChild, node: Node
) -> None:
    node.send(0, b"first\n")
    node.wait_kept(6)
    collector.kill()
    node.position = 0
    collector.start()
    node.wait_kept(6)


def test_a_full_disk_loses_nothing(collector: CollectorChild, node: Node) -> None:
    node.send(0, LINES[:5_000])
    node.wait_kept(5_000)
    assert collector.process is not None
    pid = collector.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (8_000, before[1]))
    node.send(5_000, LINES[5_000:15_000])
    deadline = time.monotonic() + 20
    while "nothing was kept" not in collector.output():
        assert time.monotonic() < deadline
        node.hear(0.1)
    assert node.position == 5_000
    assert collector.collected("mta1") == LINES[:5_000]
    resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
    node.wait_kept(15_000)

    assert collector.collected("mta1") == LINES[:15_000]


def chances() -> random.Random:
    seed = int(os.environ.get("MUSTER_SEED", "0")) or random.SystemRandom().randrange(10**9)
    print(f"replay with MUSTER_SEED={seed}")
    return random.Random(seed)


def test_killed_at_random_instants(collector: CollectorChild, node: Node) -> None:
    chance = chances()
    for kill in range(KILLS):
        goal = len(LINES) * (kill + 1) // (KILLS + 1)
        node.ship(LINES[:goal], size=4_096, window=16, seconds=chance.uniform(0.3, 1.0))
        collector.kill()
        collector.start()
    node.ship(LINES, size=4_096, window=16, seconds=60)

    assert node.position == len(LINES)
    assert collector.collected("mta1") == LINES


def test_the_broker_is_killed(spare: RunningBroker, tmp_path: Path) -> None:
    chance, collector = chances(), CollectorChild(tmp_path, spare)
    collector.start()
    try:
        node = Node(spare, collector.keys, "mta1")
        node.connect()
        for third in (1, 2):
            node.ship(LINES[: len(LINES) * third // 3], size=4_096, window=16, seconds=2)
            time.sleep(chance.random() * 0.1)
            spare.signal(signal.SIGKILL)
            spare.start()
            spare.wait_ready()
        node.ship(LINES, size=4_096, window=16, seconds=60)
        node.close()

        assert node.position == len(LINES)
        assert collector.collected("mta1") == LINES
    finally:
        collector.kill()
        print(collector.output())
