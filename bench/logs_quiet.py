"""Our log shipping when nothing is the matter: how long a line takes, what waiting costs.

A line has arrived when the collector's file has it. Its sync follows within that batch: what a line
waits for it is in the throughput, not here.
"""

import time
from dataclasses import dataclass

from bench import processor_time
from bench.log_writer import Writer, sample
from bench.logs_throughput import LOOK_SECONDS, REST_SECONDS, arrival
from bench.muster_logs import Muster

SOURCES = 20
LINE_SECONDS = 0.1
SETTLE_SECONDS = 5.0
"""Until programs that were just started do no more than they do all day."""


@dataclass(frozen=True, slots=True)
class Idle:
    """Of one processor."""

    percent: float
    """Node and manager: shipper and collector."""
    broker_percent: float


def lags(side: Muster, seconds: float) -> list[float]:
    """How long each of the lines took that were written one by one for so long."""
    side.start()
    writer = Writer(side.log, sample())
    found: list[float] = []
    try:
        writer.write(1)
        arrival(side, writer.bytes_written)
        time.sleep(REST_SECONDS)
        end = time.monotonic() + seconds
        while (began := time.monotonic()) < end:
            writer.write(1)
            found.append(arrival(side, writer.bytes_written) - began)
            time.sleep(max(LOOK_SECONDS, began + LINE_SECONDS - time.monotonic()))
    finally:
        writer.close()
        side.stop()
    return [round(each, 4) for each in found]


def idle(side: Muster, seconds: float) -> Idle:
    """What a node with many logs takes while nobody writes."""
    side.start()
    try:
        time.sleep(SETTLE_SECONDS)
        before = [processor_time.seconds(pids) for pids in (side.own_pids, side.broker_pids)]
        time.sleep(seconds)
        after = [processor_time.seconds(pids) for pids in (side.own_pids, side.broker_pids)]
    finally:
        side.stop()
    ours, brokers = (
        round(100 * (now - was) / seconds, 4) for was, now in zip(before, after, strict=True)
    )
    return Idle(ours, brokers)
