"""Nodes that count together at a private broker, as the rows of `replication` need them."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.errors import BenchError
from tests.integration.brokers import NODES, RunningBroker
from tests.integration.replicas_counting import Replica

START_SECONDS = 240.0
"""A broker on a machine with much else to do takes more than one minute."""
ASK_SECONDS = 600.0
ACQUAINTED_SECONDS = 4.0
"""Until everybody has told what it knows, and was answered: twice the time between two vectors."""


class BenchReplica(Replica):
    """One node, that loads itself."""

    module = "bench.replica_child"
    answer_seconds = ASK_SECONDS


@contextlib.contextmanager
def broker_at(place: Path) -> Iterator[RunningBroker]:
    """A private broker."""
    found = RunningBroker.laid_down(place)
    try:
        found.start()
        found.wait_ready(START_SECONDS)
        yield found
    finally:
        found.stop()


@contextlib.contextmanager
def nodes_at(
    place: Path, broker: RunningBroker, nodes: Sequence[str] = NODES, **settings: Any
) -> Iterator[list[BenchReplica]]:
    """Nodes that hear each other; raises `BenchError` when one does not come up."""
    found = [BenchReplica(place, [broker], node, nodes, **settings) for node in nodes]
    try:
        for one in found:
            one.start()
        for one in found:
            one.wait_up()
        time.sleep(ACQUAINTED_SECONDS)
        yield found
    except (AssertionError, OSError) as error:
        raise BenchError(f"the nodes do not do what they are asked: {error}") from error
    finally:
        for one in found:
            one.end()


def together(nodes: Sequence[Replica], do: str, **arguments: Any) -> list[Any]:
    """What all of them answer, asked at the same time."""
    with ThreadPoolExecutor(len(nodes)) as pool:
        return list(pool.map(lambda one: one.ask(do, **arguments), nodes))
