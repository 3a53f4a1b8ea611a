"""How the operating system is asked to run this process before others, as far as it is allowed.

A node that is too busy to send its heartbeats looks dead. A loop that spins must not take the
machine with it: after `SPIN_SECONDS` without a pause the kernel says so, and the process goes on
as a favoured, no longer as a real-time one, for `CALM_SECONDS`.
"""

import contextlib
import math
import os
import resource
import signal
import time
from collections.abc import Callable

NICENESS = -15
PRIORITY = 1
SPIN_SECONDS = 1.0
CALM_SECONDS = 30.0


class Urgency:
    """The scheduling of this process; for its main thread alone. `clock`: monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.sentence = "as any other process: raising its priority was not permitted"
        self._calm_until = -math.inf
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
            self.sentence = f"nice {NICENESS}"
        self._favoured = self.sentence
        signal.signal(signal.SIGXCPU, lambda _number, _frame: self._lower())
        self._ask()  # also when the process had it before: the kernel raises a limit it told of

    def insist(self) -> None:
        """Ask for real-time scheduling, unless the loop spun a moment ago."""
        if self._clock() >= self._calm_until and os.sched_getscheduler(0) != os.SCHED_RR:
            self._ask()

    def _ask(self) -> None:
        limit = getattr(resource, "RLIMIT_RTTIME", 15)
        with contextlib.suppress(OSError, ValueError):
            hard = resource.getrlimit(limit)[1]
            resource.setrlimit(limit, (int(SPIN_SECONDS * 1_000_000), hard))
            # Threads inherit it: one of lower priority could lose the processor while it has the
            # interpreter.
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(PRIORITY))
            self.sentence = f"real-time, round robin, priority {PRIORITY}"

    def _lower(self) -> None:
        self._calm_until = self._clock() + CALM_SECONDS
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
            self.sentence = f"{self._favoured}: its loop was too busy for more"
