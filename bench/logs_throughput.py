"""One log, end to end, by one side: how fast it goes, what it takes, and whether all arrives.

The sides are up and idle, then the log grows by all of it at once, and the clock runs until the
last byte is in the collected files. Processor time is that of every process that takes part, until
all have come to rest.
"""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench import processor_time
from bench.errors import BenchError
from bench.log_writer import Writer, sample
from bench.numbered import Judge, Verdict

REST_SECONDS = 2.0
"""Until whoever was just started has come to rest."""
STILL_SECONDS = 60.0
"""Nothing comes for so long: nothing more will."""
LOOK_SECONDS = 0.01
QUIET_SECONDS, QUIET_SHARE, QUIET_MOST = 3.0, 0.02, 120.0
"""Who takes less of a processor for so long has done all that the log makes it do."""
MEGABYTE, GIGABYTE = 1e6, 1e9


class Side(Protocol):
    """A shipper and its collector."""

    name: str
    log: Path

    @property
    def pids(self) -> list[int]:
        """Processes that take part; what they have started counts with them."""

    @property
    def files(self) -> list[Path]:
        """What was collected so far."""

    def start(self) -> None:
        """Start everything; raises `BenchError`."""

    def stop(self) -> None:
        """Leave nothing running."""


@dataclass(frozen=True, slots=True)
class Passed:
    """What came of one log. `seconds` and `processor_seconds` for `size` bytes."""

    size: int
    seconds: float
    processor_seconds: float
    verdict: Verdict

    @property
    def rate(self) -> float:
        """Megabytes a second."""
        return self.size / MEGABYTE / self.seconds

    @property
    def processor_seconds_per_gigabyte(self) -> float:
        """CPU seconds."""
        return self.processor_seconds / (self.size / GIGABYTE)


@dataclass(frozen=True, slots=True)
class Content:
    """A log that all sides are given: a file, and how many numbered lines are in it."""

    path: Path
    lines: int


def content(path: Path, size: int) -> Content:
    """A mail log of at least `size` bytes."""
    writer = Writer(path, sample())
    writer.write_bytes(size)
    writer.close()
    return Content(path, writer.written)


def measure(side: Side, given: Content) -> Passed:
    """Bring the side up, pass the log through it, take it down. Raises `BenchError`."""
    size = given.path.stat().st_size
    try:
        side.start()
        time.sleep(REST_SECONDS)
        before = processor_time.seconds(side.pids)
        began = time.monotonic()
        with given.path.open("rb") as read, side.log.open("ab") as out:
            shutil.copyfileobj(read, out, 1 << 20)
        ended = arrival(side, size)
        spent = settled(side) - before
    finally:
        side.stop()
    return Passed(size, ended - began, spent, judged(side, given.lines).verdict())


def arrival(side: Side, size: int) -> float:
    """The instant at which the last of `size` bytes came; raises `BenchError` if nothing comes."""
    there, changed = 0, time.monotonic()
    while there < size:
        time.sleep(LOOK_SECONDS)
        found = sum(path.stat().st_size for path in side.files)
        now = time.monotonic()
        if found != there:
            there, changed = found, now
        elif now - changed > STILL_SECONDS:
            if there:
                break
            raise BenchError(f"{side.name} has collected nothing in {STILL_SECONDS:.0f} s")
    return changed


def settled(side: Side) -> float:
    """The processor time of a side once it has come to rest: an index, say, comes afterwards."""
    end = time.monotonic() + QUIET_MOST
    spent = processor_time.seconds(side.pids)
    while time.monotonic() < end:
        time.sleep(QUIET_SECONDS)
        now = processor_time.seconds(side.pids)
        if now - spent < QUIET_SECONDS * QUIET_SHARE:
            return now
        spent = now
    return spent


def judged(side: Side, lines: int) -> Judge:
    """What of so many numbered lines was collected."""
    judge = Judge(lines)
    for path in side.files:
        with path.open("rb") as found:
            judge.take_all(found)
    return judge
