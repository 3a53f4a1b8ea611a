"""What the bench of logs stands on: an ear at a real broker, and a disk that can be full."""

import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pika
import pytest

from bench import small_disk
from bench.log_ear import Ear
from tests.integration.brokers import CLUSTER, SUBCLUSTER, RunningBroker
from tests.integration.node_parts import KEY, wait
from workers.bus.exchanges import MANAGER_ACCOUNT, logs_kept_exchange
from workers.logs.core.messages import Kept
from workers.logs.wire import packed

SEGMENT = "5a" * 16


@pytest.fixture
def ear(rabbitmq: RunningBroker) -> Iterator[Ear]:
    heard = Ear(rabbitmq.url(MANAGER_ACCOUNT), ["mta1", "mta2"])
    yield heard
    heard.close()


def test_it_hears_how_far_each_node_is_and_when(rabbitmq: RunningBroker, ear: Ear) -> None:
    began = time.monotonic()
    address = pika.URLParameters(rabbitmq.url(MANAGER_ACCOUNT))
    with pika.BlockingConnection(address) as connection:
        for node, position in (("mta1", 7), ("mta1", 3), ("mta3", 9), ("mta2", 5)):
            kept = Kept("bench", SUBCLUSTER, node, ((SEGMENT, position),))
            body = packed(kept, [bytes.fromhex(KEY)])
            exchange = logs_kept_exchange(CLUSTER, SUBCLUSTER)
            connection.channel().basic_publish(exchange, node, body)
    wait(lambda: ear.position("mta2"), "the last answer")
    assert (ear.position("mta1"), ear.position("mta2")) == (7, 5)
    assert set(ear.heard) == {"mta1", "mta2"}
    assert [position for position, _ in ear.heard["mta1"]] == [7]
    assert began < ear.heard["mta1"][0][1] < time.monotonic()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts disks")
def test_a_small_disk_is_full_until_it_is_freed(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with small_disk.mounted(disk, 1 << 20):
        small_disk.fill(disk)
        with pytest.raises(OSError, match="No space") as refused:
            (disk / "more").write_bytes(bytes(10_000))
        assert refused.value.errno == errno.ENOSPC
        small_disk.free(disk)
        (disk / "more").write_bytes(bytes(10_000))
    assert list(disk.iterdir()) == []
