"""A node's log at the collector: every line once and in order, whatever is rotated or dies."""

import os
import random
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pika
import pytest

from tests.integration.brokers import CLUSTER, RunningBroker
from tests.integration.log_nodes import SUBSCRIBER
from tests.integration.log_shippers import Site
from workers.bus.exchanges import MANAGER_ACCOUNT, logs_queue

KILLS, BROKER_KILLS = 20, 4
pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def site(rabbitmq: RunningBroker, tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path, rabbitmq)
    try:
        made.start()
        yield made
    finally:
        made.end()
        print(made.home.said(), made.collector.output())
    with pika.BlockingConnection(pika.URLParameters(rabbitmq.url(MANAGER_ACCOUNT))) as connection:
        connection.channel().queue_delete(logs_queue(CLUSTER, SUBSCRIBER))


def chances() -> random.Random:
    seed = int(os.environ.get("MUSTER_SEED", "0")) or random.SystemRandom().randrange(10**9)
    print(f"replay with MUSTER_SEED={seed}")
    return random.Random(seed)


def wait_at_times(site: Site, chance: random.Random) -> None:
    """Else a death only ever meets those who are about to start."""
    if chance.random() < 0.5:
        site.wait_collected(site.log.written)


def test_a_log_arrives_through_rotations(site: Site) -> None:
    site.log.write(1_000)
    site.wait_collected(site.log.written)
    site.log.rename()
    site.log.write(1_000)
    site.wait_collected(site.log.written)
    site.log.copy_and_truncate()
    site.log.write(1_000)
    site.wait_collected(site.log.written)
    size = len(site.log.written) // 3
    site.wait_source(size=size, read=size, kept=size, lag_seconds=0)


def test_a_restart_sends_nothing_twice_and_leaves_nothing_out(site: Site) -> None:
    site.log.write(1_000)
    site.wait_collected(site.log.written)
    assert site.end_shipper() == 0
    for _ in range(3):
        site.log.write(100)
        site.log.rename()
    site.log.write(100)
    site.start_shipper()
    site.wait_collected(site.log.written)


def test_new_definitions_are_followed(site: Site, tmp_path: Path) -> None:
    other = tmp_path / "logs" / "other"
    other.write_bytes(b"of before\n")
    site.define({"mail": str(site.log.path), "other": f"{tmp_path}/logs/oth*"})
    site.wait_collected(b"of before\n", "other")
    site.log.write(10)
    site.wait_collected(site.log.written)


def test_a_rotated_log_is_sent_though_it_was_deleted_while_the_broker_was_away(
    spare: RunningBroker, tmp_path: Path
) -> None:
    site = Site(tmp_path, spare)
    try:
        site.start()
        site.log.write(10)
        site.wait_collected(site.log.written)
        spare.signal(signal.SIGKILL)
        site.log.write(10)
        time.sleep(3)
        site.log.rename()
        time.sleep(3)
        site.log.delete_rotated()
        site.log.write(10)
        spare.start()
        spare.wait_ready()
        site.wait_collected(site.log.written)
    finally:
        site.end()
        print(site.home.said(), site.collector.output())


def test_past_the_limit_the_oldest_is_dropped_and_told(site: Site) -> None:
    site.define({"mail": str(site.log.path)}, backlog_bytes=1 << 20)
    site.log.write(1_000)
    site.wait_collected(site.log.written)
    before = len(site.log.written)
    site.collector.kill()
    for _ in range(4):
        site.log.write(20_000)
        time.sleep(1.5)
        site.log.rename()
    deadline = time.monotonic() + 30
    while not site.status()["dropped_bytes"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    site.collector.start()
    site.wait_status("backlog_bytes", 0)

    found = site.collected()
    note = rb"muster: (\d+) bytes of this log were dropped here: [^\n]*\n"
    told = sum(map(int, re.findall(note, found)))
    rest = re.sub(note, b"", found)
    assert rest.startswith(site.log.written[:before])
    assert told > 2 << 20
    assert told + len(rest) == len(site.log.written)
    lines, written = rest.splitlines(keepends=True), site.log.written.splitlines(keepends=True)
    numbers = [int(line[:9]) for line in lines]
    assert lines == [written[number] for number in numbers]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == len(written) - 1


@pytest.mark.parametrize("part", ["shipper", "collector"])
def test_killed_at_random_instants(site: Site, part: str) -> None:
    chance = chances()
    for _ in range(KILLS):
        wait_at_times(site, chance)
        site.log.write(chance.randrange(1, 20_000))
        time.sleep(chance.uniform(0.0, 1.0))
        if chance.random() < 0.3:
            chance.choice([site.log.rename, site.log.copy_and_truncate])()
        if part == "shipper":
            site.kill_shipper()
            site.log.write(chance.randrange(1_000))
            site.start_shipper()
        else:
            site.collector.kill()
            site.log.write(chance.randrange(1_000))
            site.collector.start()
    site.wait_collected(site.log.written)


def test_the_broker_is_killed(spare: RunningBroker, tmp_path: Path) -> None:
    chance, site = chances(), Site(tmp_path, spare)
    try:
        site.start()
        for _ in range(BROKER_KILLS):
            wait_at_times(site, chance)
            site.log.write(chance.randrange(1, 50_000))
            time.sleep(chance.uniform(0.0, 1.0))
            spare.signal(signal.SIGKILL)
            site.log.write(1_000)
            site.log.rename()
            spare.start()
            spare.wait_ready()
        site.wait_collected(site.log.written)
    finally:
        site.end()
        print(site.home.said(), site.collector.output())
