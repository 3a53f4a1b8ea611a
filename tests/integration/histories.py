"""Many events through a broker's and listeners' deaths, and what became of them in the database.

Three scripted nodes tell what happens at a steady pace, one of them restarts its agent on the way.
Reused by the bench; whatever was started is ended.
"""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.integration.brokers import NODES, RunningBroker
from tests.integration.managers import Manager
from tests.integration.reporters import ScriptedReporter

BURST_SECONDS = 0.02
TELLING_SECONDS = 8.0
PATIENCE_SECONDS = 60.0
STORED = "SELECT node, incarnation, number, detail FROM events_event WHERE node != 'manager'"
Teller = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Count:
    """What became of the events."""

    told: int
    stored: int
    lost: int
    doubled: int
    seconds: float
    """From the last event to the last row."""


def through_faults(directory: Path, events: int, tell: Teller) -> Count:
    """Tell `events` events; kill -9 the broker once and the listener twice on the way."""
    broker = RunningBroker.laid_down(directory / "broker")
    manager = Manager(directory, [broker.url("manager")])
    try:
        broker.start()
        manager.set_up()
        broker.wait_ready()
        manager.start()
        return asyncio.run(_story(broker, manager, events, tell))
    finally:
        manager.kill()
        broker.stop()


async def _story(broker: RunningBroker, manager: Manager, events: int, tell: Teller) -> Count:
    reporters = [ScriptedReporter(node, [broker.url(node)], manager.key) for node in NODES]
    faults = {
        0.2: ("the broker is killed", lambda: broker.signal(signal.SIGKILL)),
        0.3: ("the broker starts again", broker.start),
        0.5: ("an agent restarts", reporters[0].restart_agent),
        0.6: ("the listener is killed", manager.kill),
        0.65: ("the listener starts again", manager.start),
        0.9: ("the listener is killed again", manager.kill),
        0.95: ("the listener starts again", manager.start),
    }
    for reporter in reporters:
        reporter.open()
    try:
        await _until(lambda: bool(manager.rows("SELECT 1 FROM events_listenerstatus")))
        bursts = round(TELLING_SECONDS / BURST_SECONDS)
        told = 0
        for burst in range(1, bursts + 1):
            while faults and burst / bursts >= min(faults):
                sentence, fault = faults.pop(min(faults))
                tell(f"{told} events: {sentence}")
                fault()
            size = events * burst // bursts - told
            for place, reporter in enumerate(reporters):
                share = (size + place) // len(reporters)
                if share:
                    reporter.happen("late", share)
            told += size
            await asyncio.sleep(BURST_SECONDS)
        began = time.monotonic()
        await _until(lambda: _stored(manager) >= told)
        seconds = time.monotonic() - began
        await asyncio.sleep(1.0)  # whatever would double them still may
        return _count(manager, reporters, seconds)
    finally:
        for reporter in reporters:
            await reporter.close()


async def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition() and time.monotonic() < deadline:
        await asyncio.sleep(0.1)


def _stored(manager: Manager) -> int:
    return int(manager.rows("SELECT count(*) FROM events_event WHERE node != 'manager'")[0][0])


def _count(manager: Manager, reporters: list[ScriptedReporter], seconds: float) -> Count:
    told = {
        (reporter.node, run, one.number, one.detail)
        for reporter in reporters
        for run, events in reporter.runs.items()
        for one in events
    }
    rows = [(*row,) for row in manager.rows(STORED)]
    times = Counter(row[3] for row in rows)
    return Count(
        told=len(told),
        stored=len(rows),
        lost=len(told - set(rows)),
        doubled=sum(number - 1 for number in times.values()),
        seconds=seconds,
    )
