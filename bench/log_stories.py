"""What is done to a log and its shippers while lines are written, and what came of the lines.

A story writes at a steady rate all the time; when it is over, whoever died has been started again,
and the shippers have as long as they make progress. Random instants come from a seed that is told.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bench.log_writer import Rotation, Writer, sample
from bench.logs_throughput import REST_SECONDS, Side, judged
from bench.numbered import Verdict

LINES_A_SECOND = 5_000
STEP_SECONDS = 0.05
STILL_SECONDS = 15.0
"""Longer than anybody waits before a broken connection is tried again."""
AFTER_SECONDS = 1.0
"""What comes again comes within this after the last line."""


class Mortal(Side, Protocol):
    """A side whose parts can be killed and started."""

    parts: tuple[str, ...]

    def kill_part(self, part: str) -> None:
        """As by kill -9."""

    def start_part(self, part: str) -> None:
        """Start it again."""


class Stage:
    """A side, whoever writes its log, and the chances of the story."""

    def __init__(self, side: Mortal, seed: int) -> None:
        self.side = side
        self.writer = Writer(side.log, sample())
        self.chance = random.Random(seed)

    def write(self, seconds: float) -> None:
        """Write at the steady rate for so long."""
        began, start = time.monotonic(), self.writer.written
        while (passed := time.monotonic() - began) < seconds:
            due = int(passed * LINES_A_SECOND) - (self.writer.written - start)
            self.writer.write(max(0, due))
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
        still = STILL_SECONDS
        while time.monotonic() - changed < still:
            time.sleep(STEP_SECONDS)
            found = sum(path.stat().st_size for path in self.side.files)
            if found != there:
                there, changed = found, time.monotonic()
                still = AFTER_SECONDS if found >= self.writer.bytes_written else STILL_SECONDS


@dataclass(frozen=True, slots=True)
class Story:
    """A name, and what is done."""

    name: str
    play: Callable[[Stage], None]
    parts: tuple[str, ...] = ()
    """That a side must have."""


def play(side: Mortal, story: Story, seed: int) -> Verdict:
    """Play a story on a side that is down, and leave it down."""
    side.start()
    stage = Stage(side, seed)
    try:
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


def strange(size: int) -> Story:
    """A line of `size` bytes, NULs, bytes that are no UTF-8, an empty text."""

    def write(stage: Stage) -> None:
        for text in (b"x" * size, b"\0" * 1_000, bytes(range(11, 256)) * 10, b"\r\r", b""):
            stage.writer.write_text(text)
            stage.write(0.1)

    return Story("strange-lines", write)
