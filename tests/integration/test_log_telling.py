"""What a shipper writes down reaches the managers, through brokers that die (a real RabbitMQ)."""

import asyncio
import contextlib
import json
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import OperationalError

from cluster_admin.events.hearing import Hearer
from cluster_admin.inventory.models import Node, Subcluster
from cluster_admin.logs.hearing import LogsTaker
from cluster_admin.logs.shipping_models import Shipping
from tests.integration.brokers import CLUSTER, SUBCLUSTER, RunningBroker
from tests.integration.node_parts import KEY, wait
from workers.logs.telling import Teller

KEYS = [bytes.fromhex(KEY)]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def home() -> Subcluster:
    """A subcluster with one node."""
    made = Subcluster.objects.create(name=SUBCLUSTER)
    Node.objects.create(subcluster=made, name="mta1", address="198.18.0.11")
    return made


@contextlib.contextmanager
def hearer(broker: RunningBroker) -> Iterator[list[str]]:
    """A manager's ear, in a loop of its own; what it says."""
    said: list[str] = []
    loop = asyncio.new_event_loop()
    one = Hearer(LogsTaker(CLUSTER, KEYS), [broker.url("manager")], said.append)
    thread = threading.Thread(target=lambda: loop.run_until_complete(one.run()), daemon=True)
    thread.start()
    try:
        yield said
    finally:
        loop.call_soon_threadsafe(one.stop)
        thread.join(10)
        loop.close()


@contextlib.contextmanager
def teller(broker: RunningBroker, status: Path) -> Iterator[Teller]:
    """A node's."""
    one = Teller(CLUSTER, SUBCLUSTER, "mta1", KEYS, [broker.url("mta1")], status)
    one.start()
    try:
        yield one
    finally:
        one.close()


def write(status: Path, waiting: int) -> None:
    one = {"name": "archive", "connected": True, "backlog_bytes": waiting, "backlog_seconds": 0}
    draft = status.with_suffix(".new")
    draft.write_text(json.dumps({"subscribers": [one]}))
    draft.replace(status)


def waiting() -> list[int]:
    with contextlib.suppress(OperationalError):  # the test's database in memory is being written
        return list(Shipping.objects.values_list("backlog_bytes", flat=True))
    return []


def test_what_is_written_down_is_known_to_the_manager_soon(
    rabbitmq: RunningBroker, home: Subcluster, tmp_path: Path
) -> None:
    """Given a teller before there is a status, or a manager that listens: both come to be known."""
    status = tmp_path / "logs-status.json"
    with teller(rabbitmq, status):
        write(status, 7)
        with hearer(rabbitmq):
            wait(lambda: waiting() == [7], "the first word")
            write(status, 8)
            wait(lambda: waiting() == [8], "the next")


def test_both_outlive_the_broker(spare: RunningBroker, home: Subcluster, tmp_path: Path) -> None:
    """Given a broker that is killed and comes back, then what changed meanwhile is told."""
    status = tmp_path / "logs-status.json"
    write(status, 1)
    with hearer(spare), teller(spare, status):
        wait(lambda: waiting() == [1], "the first word")
        spare.signal(signal.SIGKILL)
        write(status, 2)
        spare.start()
        spare.wait_ready()
        wait(lambda: waiting() == [2], "what changed meanwhile")
