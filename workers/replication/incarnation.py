"""The number of this run of a node's counting: larger than that of every run before.

It stands in a file; where that is lost, the wall clock is later than the last run was.
"""

import logging
import time
from pathlib import Path

from workers.files import durable

NAME = "incarnation"
DIGITS_MAX = 15
log = logging.getLogger("muster.replication")


def next_incarnation(directory: Path) -> int:
    """Take the next one; a disk without room is told."""
    path = directory / NAME
    found = max(_read(path) + 1, int(time.time()))
    try:
        durable.replace(path, f"{found}\n".encode(), 0o600)
    except OSError as error:
        log.error("replication: %s: cannot be written: %s; make room", path, error.strerror)
    return found


def _read(path: Path) -> int:
    try:
        text = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return 0
    return int(text) if text.isdigit() and len(text) <= DIGITS_MAX else 0
