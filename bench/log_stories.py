"""What is done to a log and its shippers while lines are written, and what came of the lines.

A story writes at a steady rate all the time; when it is over, whoever died has been started again,
and the shippers have as long as they make progress. Random instants come from a seed that is told.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench import small_disk
from bench.log_writer import Rotation, Writer, sample
from bench.logs_throughput import REST_SECONDS, Side, judged
from bench.numbered import Verdict
from workers.logs.core.definitions import BACKLOG_BYTES

LINES_A_SECOND = 5_000
STEP_SECONDS = 0.05
BURST_BYTES = 1 << 20
"""Of what is written faster, each step."""
AWAY_SECONDS = 3.0
"""The backlog is looked at in between."""
DISK_BYTES = 64 << 20
AFTER_SECONDS = 1.0
"""What comes again comes within this after the last line."""


class Mortal(Side, Protocol):
    """A side whose parts can be killed and started."""

    parts: tuple[str, ...]
    disk: Path
    """What the collector writes is on it."""

    def kill_part(self, part: str) -> None:
        """As by kill -9."""

    def start_part(self, part: str) -> None:
        """Start it again."""


class Stage:
    """A side, whoever writes its log, and the chances of the story."""

    def __init__(self, side: Mortal, seed: int, still_seconds: float) -> None:
        self.side = side
        self._still_seconds = still_seconds
        self.writer = Writer(side.log, sample())
        self.chance = random.Random(seed)

    def write(self, seconds: float) -> None:
        """Write at the steady rate for so long."""
        began, start = time.monotonic(), self.writer.written
        while (passed := time.monotonic() - began) < seconds:
            due = int(passed * LINES_A_SECOND) - (self.writer.written - start)
            self.writer.write(max(0, due))
            time.sleep(STEP_SECONDS)

    def write_bytes(self, size: int) -> None:
        """Write so many bytes, faster."""
        end = self.writer.bytes_written + size
        while self.writer.bytes_written < end:
            self.writer.write_bytes(BURST_BYTES)
            time.sleep(STEP_SECONDS)

    def verdict(self) -> Verdict:
        """Wait until nothing more comes, and judge."""
        self.writer.close()
        self._settle()
        judge = judged(self.side, self.writer.written)
        told, dropped = judge.dropped_bytes, 0
        for number in judge.missing():
            told -= self.writer.size_of(number)
            if told < 0:
                break
            dropped += 1
        return judge.verdict(self.writer.window, dropped)

    def _settle(self) -> None:
        there, changed = -1, time.monotonic()
        still = self._still_seconds
        while time.monotonic() - changed < still:
            time.sleep(STEP_SECONDS)
            found = sum(path.stat().st_size for path in self.side.files)
            if found != there:
                there, changed = found, time.monotonic()
                all_there = found >= self.writer.bytes_written
                still = AFTER_SECONDS if all_there else self._still_seconds


@dataclass(frozen=True, slots=True)
class Story:
    """A name, and what is done."""

    name: str
    play: Callable[[Stage], None]
    parts: tuple[str, ...] = ()
    """That a side must have."""
    backlog_bytes: int = BACKLOG_BYTES
    """What a node keeps for the collector, where a side has such a limit."""
    disk_bytes: int = 0
    """Of a disk of the collector's own; 0: it has room enough."""


def play(side: Mortal, story: Story, seed: int, still_seconds: float) -> Verdict:
    """Play a story on a side that is down, and leave it down.

    When nothing has come for `still_seconds`, nothing more will.
    """
    stage = Stage(side, seed, still_seconds)
    try:
        side.start()
        time.sleep(REST_SECONDS)
        stage.write(1.0)
        story.play(stage)
        stage.write(1.0)
        return stage.verdict()
    finally:
        stage.writer.close()
        side.stop()


def rotating(how: Rotation, times: int) -> Story:
    """The log is rotated while it is written."""

    def rotate(stage: Stage) -> None:
        for _ in range(times):
            stage.writer.rotate(how)
            stage.write(stage.chance.uniform(0.3, 1.5))

    return Story(how.value, rotate)


def killing(part: str, times: int) -> Story:
    """A part dies at random instants, and stays away for a moment."""

    def kill(stage: Stage) -> None:
        for _ in range(times):
            stage.write(stage.chance.uniform(0.1, 2.0))
            stage.side.kill_part(part)
            stage.write(stage.chance.uniform(0.0, 0.5))
            stage.side.start_part(part)

    return Story(f"kill-{part}", kill, (part,))


def rotating_away(part: str) -> Story:
    """Three rotations while a part is down."""

    def rotate(stage: Stage) -> None:
        stage.side.kill_part(part)
        for _ in range(3):
            stage.write(0.5)
            stage.writer.rotate(Rotation.RENAME)
        stage.write(0.5)
        stage.side.start_part(part)

    return Story(f"three-rotations-without-{part}", rotate, (part,))


def away(part: str, backlog_bytes: int) -> Story:
    """A part is away until twice as much waits as a node keeps: some is given up, and told."""

    def write(stage: Stage) -> None:
        stage.side.kill_part(part)
        stage.write_bytes(2 * backlog_bytes)
        stage.write(AWAY_SECONDS)
        stage.side.start_part(part)

    return Story(f"{part}-away", write, (part,), backlog_bytes)


def disk_full(times: int) -> Story:
    """The collector's disk is full for a while, again and again."""

    def write(stage: Stage) -> None:
        for _ in range(times):
            small_disk.fill(stage.side.disk)
            stage.write(stage.chance.uniform(1.0, 3.0))
            small_disk.free(stage.side.disk)
            stage.write(stage.chance.uniform(0.0, 2.0))

    return Story("disk-full", write, disk_bytes=DISK_BYTES)


def strange(size: int) -> Story:
    """A line of `size` bytes, NULs, bytes that are no UTF-8, an empty text."""

    def write(stage: Stage) -> None:
        for text in (b"x" * size, b"\0" * 1_000, bytes(range(11, 256)) * 10, b"\r\r", b""):
            stage.writer.write_text(text)
            stage.write(0.1)

    return Story("strange-lines", write)
