"""The time line of one run: wall time at its start, and from then on as a clock that never jumps.

What this node counts is dated by it; clocks of the system that are put right change nothing.
"""

import time


class TimeLine:
    """Call it for seconds since 1970."""

    def __init__(self) -> None:
        self._anchor = time.time() - time.monotonic()

    def __call__(self) -> float:
        """The time now."""
        return self._anchor + time.monotonic()
