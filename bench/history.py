"""History through faults: events told by scripted nodes while broker and listener are killed.

The parts are the integration tests' own: a private broker, a manager's database and listener.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.integration import histories


def through_faults(events: int, tell: Callable[[str], None]) -> tuple[int, int]:
    """How many of `events` events were lost, and how many doubled."""
    with tempfile.TemporaryDirectory(prefix="muster-bench-") as directory:
        count = histories.through_faults(Path(directory), events, tell)
    tell(f"{count.stored} of {count.told} stored, {count.seconds:.1f} s after the last happened")
    return count.lost, count.doubled
