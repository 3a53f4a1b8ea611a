"""Fifty nodes that write a megabyte a second each, and one collector: what is lost, what lags.

All nodes write the same lines; what is collected of each is compared with them byte for byte. A
piece that a node has written lags until its collector says that it is durable, index and mail
counts on.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.errors import BenchError
from bench.log_ear import Ear
from bench.log_parts import (
    COLLECTOR,
    START_SECONDS,
    collected_files,
    lay_down_collector,
    lay_down_node,
    started,
    wait_followed,
)
from bench.logs_throughput import REST_SECONDS, STILL_SECONDS, content
from bench.numbered import Judge
from bench.report import Row, row
from tests.integration.brokers import RunningBroker
from tests.integration.node_parts import Home
from workers.bus.exchanges import MANAGER_ACCOUNT
from workers.lab.core.timeline import percentile
from workers.logs.core.definitions import BACKLOG_BYTES, Source

NODES = 50
BYTES_A_SECOND = 10**6
STEP_SECONDS = 0.1
STOP_SECONDS = 20.0
LOG = "mail"
LOST_ROW, LAG_ROW = "fleet-50.lost", "fleet-50.lag_p99_seconds"
ROWS = (LOST_ROW, LAG_ROW)
LAG_SECONDS = 5.0


@dataclass(slots=True)
class _Written:
    """What a node has written: ends of pieces, and when (monotonic)."""

    path: Path
    ends: list[tuple[int, float]] = field(default_factory=list)


def rows(place: Path, seconds: float) -> Iterator[Row]:
    """Both rows, written for so long; raises `BenchError`."""
    place.mkdir()
    names = [f"node{number:02d}" for number in range(1, NODES + 1)]
    broker = RunningBroker.laid_down(place / "broker", nodes=names)
    homes = [Home(place / "nodes" / name, [broker.url(name)], name) for name in names]
    for home in homes:
        lay_down_node(home, [Source(LOG, str(home.directory / "mail.log"))], BACKLOG_BYTES)
    disk, address = place / "disk", broker.url(MANAGER_ACCOUNT)
    settings = lay_down_collector(place, disk, address, [LOG])
    given = content(place / "content", int(BYTES_A_SECOND * seconds))
    running = []
    broker.start()
    try:
        broker.wait_ready(START_SECONDS)
        running.append(started(COLLECTOR, ["--config", str(settings)], place / "collector"))
        configs = [str(home.config) for home in homes]
        running.append(started("bench.log_nodes", configs, place / "shippers"))
        wait_followed(homes)
        time.sleep(REST_SECONDS)
        lags = _flow(given.path.read_bytes(), homes, Ear(address, names))
    finally:
        for process in running:
            process.kill()
            process.wait(STOP_SECONDS)
        broker.stop()
    lost = _lost(given.path, given.lines, names, disk)
    yield row(LOST_ROW, lost, "lines", 0.0, sum)
    yield row(LAG_ROW, lags, "s", LAG_SECONDS, lambda found: percentile(found, 99))


def _flow(data: bytes, homes: Sequence[Home], ear: Ear) -> list[float]:
    """Write everything at the steady rate, wait until it is durable, and return all lags."""
    written = {home.node: _Written(home.directory / "mail.log") for home in homes}
    began, start = time.monotonic(), 0
    try:
        for number, end in enumerate(cuts(data, int(BYTES_A_SECOND * STEP_SECONDS)), 1):
            for one in written.values():
                with one.path.open("ab", buffering=0) as out:
                    out.write(data[start:end])
                one.ends.append((end, time.monotonic()))
            start = end
            time.sleep(max(0.0, began + number * STEP_SECONDS - time.monotonic()))
        ended = _settled(ear, list(written), len(data))
    finally:
        ear.close()
    return [
        round(lag, 4)
        for node, one in written.items()
        for lag in lags(one.ends, ear.heard[node], ended)
    ]


def cuts(data: bytes, size: int) -> Iterator[int]:
    """Ends of pieces of some `size` bytes each that end with a line; the last is that of `data`."""
    end = 0
    while end < len(data):
        found = data.find(b"\n", min(len(data), end + size) - 1)
        end = len(data) if found < 0 else found + 1
        yield end


def lags(
    ends: Sequence[tuple[int, float]], heard: Sequence[tuple[int, float]], ended: float
) -> Iterator[float]:
    """How long each piece took, both in their order; what was never heard of, until `ended`."""
    at = 0
    for end, moment in ends:
        while at < len(heard) and heard[at][0] < end:
            at += 1
        yield (heard[at][1] if at < len(heard) else ended) - moment


def _settled(ear: Ear, nodes: Sequence[str], size: int) -> float:
    """When everything is durable, or nothing has come for long (monotonic)."""
    there, changed = -1, time.monotonic()
    while there < size * len(nodes) and time.monotonic() - changed < STILL_SECONDS:
        time.sleep(STEP_SECONDS)
        found = sum(map(ear.position, nodes))
        if found != there:
            there, changed = found, time.monotonic()
    if not there:
        raise BenchError(f"the collector has kept nothing in {STILL_SECONDS:.0f} s; see the load")
    return time.monotonic()


def _lost(content: Path, lines: int, names: Sequence[str], disk: Path) -> list[float]:
    """Lines of each node that are not as they were written, once and in their order."""
    expected = content.read_bytes()
    collected = sorted(collected_files(disk))
    found = []
    for name in names:
        data = b"".join(path.read_bytes() for path in collected if path.name == name)
        verdict = Judge(lines)
        if data != expected:
            verdict.take_all(data.splitlines(keepends=True))
            counted = verdict.verdict()
            found.append(float(max(1, counted.lost + counted.duplicated + counted.garbled)))
        else:
            found.append(0.0)
    return found
