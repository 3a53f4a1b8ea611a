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

NICENESS = -15
PRIORITY = 1
SPIN_SECONDS = 1.0
CALM_SECONDS = 30.0


class Urgency:
    """The scheduling of this process; for its main thread alone."""

    def __init__(self) -> None:
        self.sentence = "as any other process: raising its priority was not permitted"
        self._calm_until = -math.inf
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
            self.sentence = f"nice {NICENESS}"
        self._favoured = self.sentence
        signal.signal(signal.SIGXCPU, lambda _number, _frame: self._lower())
        self.insist()

    def insist(self) -> None:
        """Ask for real-time scheduling, unless the loop spun a moment ago."""
        if time.monotonic() < self._calm_until or os.sched_getscheduler(0) == os.SCHED_RR:
            return
        limit = getattr(resource, "RLIMIT_RTTIME", 15)
        with contextlib.suppress(OSError, ValueError):
            hard = resource.getrlimit(limit)[1]
            resource.setrlimit(limit, (int(SPIN_SECONDS * 1_000_000), hard))
            # Threads inherit it: one of lower priority could lose the processor while it has the
            # interpreter.
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(PRIORITY))
            self.sentence = f"real-time, round robin, priority {PRIORITY}"

    def _lower(self) -> None:
        self._calm_until = time.monotonic() + CALM_SECONDS
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
            self.sentence = f"{self._favoured}: its loop was too busy for more"
