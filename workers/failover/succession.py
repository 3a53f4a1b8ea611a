"""One instance of the agent follows another, in the same process: how new code is put to work.

The old one has lengthened the kernel's lease; the new one finds the VIPs under it and adopts them.
Invariant: if nothing follows, the lease ends what is left. Real-time scheduling stays, and its
limit, so the signal that tells of it must not end the new one before `urgency` hears it.
"""

import os
import signal
import sys
from typing import NoReturn

from workers.failover.errors import FailoverError

USUAL_SECONDS = 15
LONGEST_SECONDS = 120


def lease_seconds(wanted: object) -> int:
    """For how long the kernel keeps the VIPs meanwhile; `FailoverError` for what makes no sense."""
    if wanted is None:
        return USUAL_SECONDS
    if isinstance(wanted, int) and 1 <= wanted <= LONGEST_SECONDS:
        return wanted
    way = f"write a whole number of seconds from 1 to {LONGEST_SECONDS}"
    raise FailoverError(f"lease_seconds is {wanted!r:.40}; {way}")


def begin_anew() -> NoReturn:
    """Run the same command in this very process, as it is on the disk now."""
    sys.stdout.flush()
    sys.stderr.flush()
    signal.signal(signal.SIGXCPU, signal.SIG_IGN)  # a handler would not outlive what follows
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606
