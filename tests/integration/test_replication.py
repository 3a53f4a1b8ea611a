"""Nodes that count together, held against a ledger that the test keeps.

Through deaths, brokers' deaths, partitions and lost messages nobody is off by one event.
"""

import random
import secrets
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import small_disk
from tests.integration.brokers import NODES, RunningBroker
from tests.integration.gates import Gate
from tests.integration.replicas_counting import (
    GAUGES,
    SHARED,
    WINDOWS,
    Ledger,
    Replica,
    running,
    until,
)
from workers.replication.state import SNAPSHOT

HEALED_SECONDS = 10.0
"""A lost message, or a node that is back: the vector of every two seconds, and the answer."""


@pytest.fixture
def seed() -> int:
    found = secrets.randbits(32)
    print(f"seed {found}")
    return found


@pytest.fixture
def trio(tmp_path: Path, rabbitmq: RunningBroker) -> Iterator[list[Replica]]:
    with running(tmp_path, [rabbitmq]) as replicas:
        yield replicas


@pytest.mark.parametrize("table", [WINDOWS, SHARED])
def test_everybody_knows_what_anybody_counted(trio: list[Replica], seed: int, table: str) -> None:
    ledger = Ledger(trio, seed, table)
    for _ in range(20):
        for replica in trio:
            ledger.count(replica)

    ledger.settle()

    assert all(
        replica.ask("state")["refused"] == {"subcluster": {}, "cluster": {}} for replica in trio
    )


def test_kills_of_any_worker_and_of_all_lose_nothing_and_count_nothing_twice(
    trio: list[Replica], seed: int
) -> None:
    ledger, chance = Ledger(trio, seed), random.Random(seed)
    over = threading.Event()

    def kill() -> None:
        while not over.is_set():
            victims = trio if chance.random() < 0.2 else [chance.choice(trio)]
            for one in victims:
                one.kill()
            for one in victims:
                one.start()
            over.wait(chance.uniform(0.5, 2.0))

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        began = time.monotonic()
        while time.monotonic() < began + 15:
            ledger.count(chance.choice(trio), chance.randint(1, 40))
            if chance.random() < 0.05:
                chance.choice(trio).surely("save")
    finally:
        over.set()
        killer.join()
    ledger.settle()
    for one in trio:
        one.kill()
    for one in trio:
        one.start()

    assert ledger.settle() < 30.0


def test_a_broker_that_is_killed_and_comes_back_costs_nothing(
    tmp_path: Path, spare: RunningBroker, seed: int
) -> None:
    with running(tmp_path, [spare]) as trio:
        ledger = Ledger(trio, seed)
        for number in range(2):
            for replica in trio:
                ledger.count(replica)
            spare.signal(signal.SIGKILL)
            for replica in trio:
                ledger.count(replica)
            until(lambda: not trio[0].ask("state")["up"]["subcluster"], "the broker is missed")
            assert trio[0].ask("windows", table=WINDOWS, keys=["none"]) == [0], number
            spare.start()
            spare.wait_ready()
            for replica in trio:
                ledger.count(replica)
        ledger.settle()


def test_a_parted_node_goes_on_and_comes_back_without_counting_twice(
    tmp_path: Path, rabbitmq: RunningBroker, seed: int
) -> None:
    with Gate(rabbitmq.broker.port) as gate, running(tmp_path, [rabbitmq], NODES[:2]) as pair:
        parted = Replica(tmp_path, [rabbitmq], NODES[2])
        parted.settings["brokers"] = [gate.url(rabbitmq.url(NODES[2]))]
        parted.start()
        try:
            parted.wait_up()
            ledger = Ledger([*pair, parted], seed)
            for one in ledger.replicas:
                ledger.count(one)
            ledger.settle()
            gate.part()
            until(lambda: parted.ask("state")["cut_off"], "the parted node is cut off")
            for one in ledger.replicas:
                ledger.count(one)
            drifts = ledger.drifts()
            assert not pair[0].ask("state")["cut_off"]
            assert all(drifts.values())
            gate.heal()
            assert ledger.settle() < 20.0
            until(lambda: not parted.ask("state")["cut_off"], "it is back")
        finally:
            parted.end()


def test_a_joiner_gets_everything_and_so_does_who_lost_its_disk(
    tmp_path: Path, rabbitmq: RunningBroker, seed: int
) -> None:
    with running(tmp_path, [rabbitmq], NODES[:2]) as pair:
        ledger = Ledger(pair, seed)
        for _ in range(30):
            for replica in pair:
                ledger.count(replica, 100)
        ledger.settle()
        joiner = Replica(tmp_path, [rabbitmq], NODES[2])
        joiner.start()
        try:
            ledger.replicas = [*pair, joiner]
            assert ledger.settle(HEALED_SECONDS) < HEALED_SECONDS

            pair[0].kill()
            shutil.rmtree(pair[0].state)
            pair[0].start()
            ledger._offsets["mta1"] += 1_000_000
            assert ledger.settle(2 * HEALED_SECONDS) < 2 * HEALED_SECONDS
            ledger.count(pair[0])
            ledger.settle(HEALED_SECONDS)
        finally:
            joiner.end()


def test_what_a_node_that_is_gone_counted_reaches_a_joiner(
    tmp_path: Path, rabbitmq: RunningBroker, seed: int
) -> None:
    with running(tmp_path, [rabbitmq], NODES[:2]) as pair:
        ledger = Ledger(pair, seed)
        for replica in pair:
            ledger.count(replica, 200)
        ledger.settle()
        pair[0].kill()
        joiner = Replica(tmp_path, [rabbitmq], NODES[2])
        joiner.start()
        try:
            for one in (pair[1], joiner):
                one.alive([NODES[1], NODES[2]])
            ledger.replicas = [pair[1], joiner]
            assert ledger.settle(2 * HEALED_SECONDS) < 2 * HEALED_SECONDS
        finally:
            joiner.end()


def test_a_lost_message_heals_within_seconds(trio: list[Replica], seed: int) -> None:
    ledger = Ledger(trio, seed)
    ledger.count(trio[0])
    ledger.settle()
    trio[1].ask("lose", deltas=3)
    for _ in range(3):
        ledger.count(trio[0])
        time.sleep(1.2)  # a batch for each
    until(lambda: trio[1].ask("state")["losing"] == 0, "three messages are lost")

    assert ledger.settle() < HEALED_SECONDS


@pytest.mark.parametrize("damage", ["older", "cut", "garbled"])
def test_state_that_cannot_be_used_is_told_and_put_aside_and_nothing_is_lost(
    trio: list[Replica], seed: int, damage: str
) -> None:
    ledger, victim = Ledger(trio, seed), trio[0]
    for replica in trio:
        ledger.count(replica, 200)
    ledger.settle()
    assert victim.ask("save") == []
    victim.kill()
    path = victim.state / SNAPSHOT
    content = path.read_bytes()
    path.write_bytes(
        {
            "older": content[:7] + b"\0" + content[8:],
            "cut": content[: len(content) // 2],
            "garbled": content[:100] + b"\xff\0\xff\0" + content[104:],
        }[damage]
    )
    victim.start()

    (complaint,) = [one for one in victim.surely("state")["complaints"] if SNAPSHOT in one]
    assert {"older": "format 0", "cut": "cut off", "garbled": "damaged"}[damage] in complaint
    assert str(path) in victim.log.read_text()
    assert len(list(victim.state.glob("*.aside"))) == 1
    assert ledger.settle() < 2 * HEALED_SECONDS


def test_a_full_disk_is_told_and_counting_goes_on(
    tmp_path: Path, rabbitmq: RunningBroker, seed: int
) -> None:
    with small_disk.mounted(tmp_path / "disk", 90 << 20):
        replicas = [
            Replica(tmp_path / place, [rabbitmq], node)
            for place, node in (("disk", "mta1"), ("plain", "mta2"))
        ]
        try:
            for one in replicas:
                one.start()
            for one in replicas:
                one.wait_up()
            ledger = Ledger(replicas, seed)
            small_disk.fill(tmp_path / "disk")
            for _ in range(10):
                for one in replicas:
                    ledger.count(one)
            assert any("make room" in one for one in replicas[0].ask("save"))
            ledger.settle()
            small_disk.free(tmp_path / "disk")
            until(lambda: replicas[0].ask("save") == [], "it is kept again")
            for one in replicas:
                one.kill()
                one.start()
            ledger.settle()
        finally:
            for one in replicas:
                one.end()


def test_gauges_of_a_dead_node_leave_the_sum_and_come_back_with_it(trio: list[Replica]) -> None:
    def totals() -> list[int]:
        return [one.ask("gauges", table=GAUGES, keys=["example.com"])[0] for one in trio[1:]]

    for number, one in enumerate(trio, start=1):
        one.ask("gauge", table=GAUGES, key="example.com", n=number)
    until(lambda: totals() == [6, 6], "all are counted")
    for one in trio[1:]:
        one.alive(NODES[1:])
    until(lambda: totals() == [5, 5], "the dead one is not")
    for one in trio[1:]:
        one.alive(NODES)
    until(lambda: totals() == [6, 6], "it is again, once")
    trio[0].kill()
    for one in trio[1:]:
        one.alive(NODES[1:])
    until(lambda: totals() == [5, 5], "the dead one is not")


def test_clocks_an_hour_apart_count_the_same(
    tmp_path: Path, rabbitmq: RunningBroker, seed: int
) -> None:
    replicas = [
        Replica(tmp_path, [rabbitmq], node, clock_offset=offset)
        for node, offset in zip(NODES, (0.0, 3_600.0, -3_600.0), strict=True)
    ]
    try:
        for one in replicas:
            one.start()
        for one in replicas:
            one.wait_up()
        ledger = Ledger(replicas, seed)
        for _ in range(5):
            for one in replicas:
                ledger.count(one)
        ledger.settle()
    finally:
        for one in replicas:
            one.end()


def test_a_worker_that_ends_in_order_has_told_all(trio: list[Replica], seed: int) -> None:
    ledger = Ledger(trio, seed)
    ledger.count(trio[0])
    assert trio[0].stop() == 0
    ledger.replicas = trio[1:]

    assert ledger.settle(5.0) < 5.0
