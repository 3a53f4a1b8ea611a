"""Rotates a node's mail log as logrotate would on a host of its own.

    python -m workers.lab.rotation POSTFIX-DIRECTORY LOG

Postfix's own command renames, reopens and compresses. Of what was rotated the newest `KEPT` stay.
"""

import contextlib
import subprocess
import sys
import time
from pathlib import Path

from workers.lab.commands import tool

LOOK_SECONDS = 10.0
ROTATE_BYTES = 16 << 20
KEPT = 3


def rotate(log: Path, command: list[str], largest_bytes: int = ROTATE_BYTES) -> None:
    """Have a log that is larger than that rotated by `command`, and old ones removed."""
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > largest_bytes:
            subprocess.run(command, check=False)
    # Their names end with their time; one that is being compressed is there twice.
    for old in sorted(log.parent.glob(f"{log.name}.*"))[:-KEPT]:
        old.unlink(missing_ok=True)


def main(etc: str, log: Path) -> None:
    """Look for ever."""
    command = [tool("postfix"), "-c", etc, "logrotate"]
    while True:
        time.sleep(LOOK_SECONDS)
        rotate(log, command)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
