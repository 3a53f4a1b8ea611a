"""A million keys: memory of a node, how long a joiner takes until it has them, and a decision.

The keys are those of a limit per client address, half IPv6; three limits are checked per decision.
"""

import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from bench.errors import BenchError
from bench.replication_nodes import BenchReplica, nodes_at
from bench.report import Row, row
from tests.integration.brokers import NODES, RunningBroker

KEYS = 1_000_000
TABLE, SPAN_SECONDS = "named-throttles", 86_400.0
LIMITS = [
    {"name": "address", "most": 10**6, "window": SPAN_SECONDS, "per": "address"},
    {"name": "domain", "most": 10**6, "window": SPAN_SECONDS, "per": "sender-domain"},
    {"name": "global", "most": 10**9, "window": SPAN_SECONDS, "per": "global"},
]
ROWS = ("keys-1m.megabytes_per_node", "keys-1m.snapshot_seconds", "keys-1m.decision_microseconds")
MEGABYTES, SNAPSHOT_SECONDS, MICROSECONDS = 400.0, 10.0, 100.0
PATIENCE_SECONDS = 300.0
DECISIONS = 20_000
TABLES = [{"name": TABLE, "type": TABLE, "options": {"max_size": 2 * KEYS}}]


def rows(place: Path, broker: RunningBroker, keys: int, seed: int) -> Iterator[Row]:
    """Measure; raises `BenchError`."""
    with nodes_at(place, broker, NODES[:1], limits=LIMITS, tables=TABLES) as (first,):
        first.ask("fill", table=TABLE, prefix="address/", keys=keys, span=SPAN_SECONDS)
        settings = {"limits": LIMITS, "tables": TABLES}
        joiner = BenchReplica(place, [broker], NODES[1], NODES[:2], **settings)
        try:
            taken = _joined(joiner, keys)
            decisions = joiner.ask("decide", keys=keys, decisions=DECISIONS, seed=seed)
            memory = [one.ask("memory") for one in (first, joiner)]
        finally:
            joiner.end()
    yield row(ROWS[0], [round(one, 1) for one in memory], "MB", MEGABYTES, max)
    yield row(ROWS[1], [round(taken, 3)], "s", SNAPSHOT_SECONDS)
    median = statistics.median(decisions) * 1e6
    yield row(ROWS[2], [round(median, 2)], "us", MICROSECONDS)


def _joined(joiner: BenchReplica, keys: int) -> float:
    """Start a node; how long it takes from its place at the broker until it has all keys."""
    joiner.start()
    joiner.wait_up()
    began = time.monotonic()
    while (found := joiner.ask("keys")) < keys:
        if time.monotonic() - began > PATIENCE_SECONDS:
            raise BenchError(f"a joiner has {found} of {keys} keys; see the load of the machine")
        time.sleep(0.05)
    return time.monotonic() - began
