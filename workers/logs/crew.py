"""The processes that look through logs: as many as there are processors, or less.

They are killed when whoever has them leaves, so what never comes to an end costs nothing further.
"""

import os
from multiprocessing import get_context
from multiprocessing.pool import Pool

PROCESSES_MAX = 8


def size(pieces: int) -> int:
    """How many processes there are for so many pieces of work."""
    return min(os.cpu_count() or 1, PROCESSES_MAX, max(1, pieces))


def crew(pieces: int) -> Pool:
    """The processes; use it in a `with`."""
    return get_context("spawn").Pool(size(pieces))
