"""Reports a mail log in a process of its own, to be killed: STATE LOG SOCKET."""

import sys
from pathlib import Path

from workers.logs.core.definitions import Source
from workers.logs.limits_door import LimitsDoor
from workers.logs.reporting import Reporter
from workers.logs.shipping import Identity


def reporter(state: Path, log: Path, socket: Path) -> Reporter:
    """Who reports this log."""
    sources = (Source("mail", str(log)),)
    return Reporter(Identity("default", "mta1"), lambda: sources, LimitsDoor(socket), state)


if __name__ == "__main__":
    reporter(*map(Path, sys.argv[1:])).serve()
