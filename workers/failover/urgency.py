"""How the operating system is asked to run this process before others, as far as it is allowed.

A node that is too busy to send its heartbeats looks dead. A loop that spins must not take the
machine with it: the kernel kills the process after `SPIN_SECONDS` without a pause, and the lease
ends what it held.
"""

import contextlib
import os
import resource

NICENESS = -15
PRIORITY = 1
SPIN_SECONDS = 3


def be_urgent() -> str:
    """Ask for the scheduling of a real-time process, else of a favoured one; says which it got."""
    spin = SPIN_SECONDS * 1_000_000
    try:
        resource.setrlimit(getattr(resource, "RLIMIT_RTTIME", 15), (spin, spin))
        # Threads inherit it: one of lower priority could be put aside while it has the interpreter.
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(PRIORITY))
    except (OSError, ValueError):
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
            return f"nice {NICENESS}"
        return "as any other process: raising its priority was not permitted"
    return f"real-time, round robin, priority {PRIORITY}"
