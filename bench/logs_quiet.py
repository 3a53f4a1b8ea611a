"""Our log shipping when nothing is the matter: how long a line takes, what waiting costs.

A line has arrived when its node is told that it is durable.
"""

import time
from dataclasses import dataclass

from bench import processor_time
from bench.errors import BenchError
from bench.log_ear import Ear
from bench.log_writer import Writer, sample
from bench.logs_throughput import LOOK_SECONDS, REST_SECONDS, STILL_SECONDS
from bench.muster_logs import NODE, Muster

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
    writer = Writer(side.log, sample())
    found: list[float] = []
    try:
        side.start()
        ear = Ear(side.manager_url, [NODE])
        writer.write(1)
        _kept(ear, writer.bytes_written)
        time.sleep(REST_SECONDS)
        end = time.monotonic() + seconds
        while (began := time.monotonic()) < end:
            writer.write(1)
            found.append(_kept(ear, writer.bytes_written) - began)
            time.sleep(max(LOOK_SECONDS, began + LINE_SECONDS - time.monotonic()))
        ear.close()
    finally:
        writer.close()
        side.stop()
    return [round(each, 4) for each in found]


def _kept(ear: Ear, size: int) -> float:
    """The instant at which so many bytes were durable; raises `BenchError`."""
    began = time.monotonic()
    while ear.position(NODE) < size:
        if time.monotonic() - began > STILL_SECONDS:
            raise BenchError(f"a line was not kept within {STILL_SECONDS:.0f} s; see the load")
        time.sleep(LOOK_SECONDS)
    return ear.heard[NODE][-1][1]


def idle(side: Muster, seconds: float) -> Idle:
    """What a node with many logs takes while nobody writes."""
    try:
        side.start()
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
