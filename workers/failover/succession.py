"""One instance of the agent follows another, in the same process: how new code is put to work.

The old one has lengthened the kernel's lease; the new one finds the VIPs under it and adopts them.
Invariant: if nothing follows, the lease ends what is left. Real-time scheduling stays, and its
limit, so the signal that tells of it must not end the new one before `urgency` hears it.
"""

import contextlib
import os
import signal
import sys
import time
from typing import NoReturn

from workers.failover.errors import FailoverError

USUAL_SECONDS = 15
LONGEST_SECONDS = 120
REAP_SECONDS = 1.0
"""Commands that were killed are waited for so long; one in the kernel's hands may take ages."""


def lease_seconds(wanted: object) -> int:
    """For how long the kernel keeps the VIPs meanwhile; `FailoverError` for what makes no sense."""
    if wanted is None:
        return USUAL_SECONDS
    if isinstance(wanted, int) and 1 <= wanted <= LONGEST_SECONDS:
        return wanted
    way = f"write a whole number of seconds from 1 to {LONGEST_SECONDS}"
    raise FailoverError(f"lease_seconds is {wanted!r:.40}; {way}")


def begin_anew() -> NoReturn:
    """Run the same command in this very process, as it is on the disk now; its loop is closed."""
    _reap()
    sys.stdout.flush()
    sys.stderr.flush()
    signal.signal(signal.SIGXCPU, signal.SIG_IGN)  # a handler would not outlive what follows
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606


def _reap() -> None:
    """Hooks and checks that were cut off are still this process's children: nobody else could."""
    until = time.monotonic() + REAP_SECONDS
    with contextlib.suppress(ChildProcessError):  # none is left
        while time.monotonic() < until:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.005)
