"""How the consumer's loop is doing, and how patiently it waits: steps, turns, late timers.

A step is one event with all its actions; a turn is everything between two waits of the loop. No
step may take longer than `STEP_SECONDS`.
"""

import contextlib
import math
import select
import selectors
import time
from collections.abc import Callable, Iterator
from typing import Any

STEP_SECONDS = 0.05
NOW = -math.inf
GLANCE_SECONDS, GLANCE_APART_SECONDS = 0.03, 0.015
"""The kernel's news are looked for at least so often: what a hand deletes can then be put back."""


class Meter:
    """Counts and maxima since the start; durations in seconds."""

    def __init__(self) -> None:
        self.steps = self.long_steps = 0
        self.max_step = self.max_turn = self.max_late = 0.0
        self.renewals, self.renewal_cpu = 0, 0.0

    def step(self, seconds: float) -> None:
        """One event was decided on and its actions performed."""
        self.steps += 1
        self.long_steps += seconds > STEP_SECONDS
        self.max_step = max(self.max_step, seconds)

    @contextlib.contextmanager
    def renewing(self) -> Iterator[None]:
        """Around a renewal of the lease: what it costs the processor."""
        began = time.thread_time()
        yield
        self.renewals += 1
        self.renewal_cpu += time.thread_time() - began

    def late(self, seconds: float) -> None:
        """The timer was served so long after its time."""
        self.max_late = max(self.max_late, seconds)

    def picture(self) -> dict[str, Any]:
        """For the status."""
        return {
            "steps": self.steps,
            "long_steps": self.long_steps,
            "max_step_ms": round(self.max_step * 1000, 2),
            "max_turn_ms": round(self.max_turn * 1000, 2),
            "late_ms": round(self.max_late * 1000, 2),
            "renewals": self.renewals,
            "renewal_cpu_ms": round(self.renewal_cpu * 1000, 3),
        }


class MeteredSelector(selectors.EpollSelector):
    """Tells the meter how long the loop worked between two waits.

    `patience`: seconds for which what arrives may wait for more to arrive, so that one turn serves
    all of it; no timer is late for it. `glance`, if there is one, is called before a wait, at least
    every `GLANCE_SECONDS` and seldom more often, without a turn of the loop; it says whether it
    gave the loop something to do.
    """

    def __init__(self, meter: Meter) -> None:
        super().__init__()
        self.meter = meter
        self._since = time.monotonic()
        self.patience = 0.0
        self.glance: Callable[[], bool] | None = None
        self._glanced_at = -math.inf

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait, as the selector does."""
        began = time.monotonic()
        self.meter.max_turn = max(self.meter.max_turn, began - self._since)
        ready = self._wait(math.inf if timeout is None else began + timeout)
        self._since = time.monotonic()
        return ready

    def _wait(self, until: float) -> list[tuple[selectors.SelectorKey, int]]:
        while True:
            end = self._look(until)
            left = end - time.monotonic()
            ready = super().select(None if left == math.inf else left)
            if ready and self.patience:
                pause = min(self.patience, self._look(until) - time.monotonic())
                if pause > 0:
                    select.select((), (), (), pause)
                    ready = super().select(0)
            if ready or end in (until, NOW):
                return ready

    def _look(self, until: float) -> float:
        """Glance; until when to wait then, at most."""
        if self.glance is None:
            return until
        now = time.monotonic()
        if now >= self._glanced_at + GLANCE_APART_SECONDS:
            if self.glance():
                return NOW
            self._glanced_at = now
        return min(until, self._glanced_at + GLANCE_SECONDS)
