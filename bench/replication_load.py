"""Three nodes that count 5,000 times a second each: how late peers know it, and what it costs.

A mark is counted like everything else every 0.05 s; late is what is later than `max_delay` after
it. Bytes are all that nodes give to the sockets of their broker, headers of AMQP included, against
what was counted, not what was left of it once the same key was counted several times.
"""

from collections.abc import Iterator
from pathlib import Path

from bench.errors import BenchError
from bench.replication_nodes import nodes_at, together
from bench.report import Row, row
from tests.integration.brokers import RunningBroker
from workers.lab.core.timeline import percentile

RATE, KEYS, MAX_DELAY = 5_000, 100_000, 1.0
LAG_ROW, BYTES_ROW = "lag.p99_over_max_delay_seconds", "bus.bytes_per_update"
LAG_SECONDS, BYTES = 0.05, 20.0
REPORTED = ("lag.p99_seconds", "load.updates_per_second", "load.cpu_percent_per_node")
ROWS = (LAG_ROW, BYTES_ROW, *REPORTED)


def rows(place: Path, broker: RunningBroker, seconds: float, seed: int) -> Iterator[Row]:
    """Measure for so many seconds; raises `BenchError`."""
    with nodes_at(place, broker) as nodes:
        loads = together(nodes, "load", rate=RATE, seconds=seconds, seed=seed, keys=KEYS)
        seen = together(nodes, "seen")
    lags = []
    for one, load in zip(nodes, loads, strict=True):
        for other, there in zip(nodes, seen, strict=True):
            if other is one:
                continue
            at = there.get(one.node, [])
            if len(at) != len(load["marks"]):
                told = f"{other.node} knows {len(at)} of {len(load['marks'])} marks of {one.node}"
                raise BenchError(f"{told}; see the load of the machine")
            lags += [heard - made for made, heard in zip(load["marks"], at, strict=True)]
    updates = sum(load["updates"] for load in loads)
    p99 = percentile(lags, 99)
    yield row(LAG_ROW, [round(p99 - MAX_DELAY, 4)], "s", LAG_SECONDS)
    sent = sum(load["sent_bytes"] for load in loads)
    yield row(BYTES_ROW, [round(sent / updates, 4)], "bytes", BYTES)
    lasted = sum(load["seconds"] for load in loads) / len(loads)
    cpu = sum(load["cpu_seconds"] for load in loads) / len(loads) / lasted * 100
    figures = (p99, updates / lasted, cpu)
    for name, figure, unit in zip(REPORTED, figures, ("s", "1/s", "%"), strict=True):
        yield row(name, [round(figure, 4)], unit, None, reported=True)
