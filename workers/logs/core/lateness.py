"""How far behind the subscriber of a log is in seconds: how old is what it has not got yet.

A mark says when a segment was first seen to have so many bytes. Invariant: marks are as exact as
`STEP_SECONDS`, and coarser the older they are, so that there are at most `MARKS_MAX` of a segment.
"""

from collections import deque

STEP_SECONDS = 1.0
MARKS_MAX = 256


class Lateness:
    """Of one log. Mutable; times are seconds of a clock that never jumps."""

    def __init__(self) -> None:
        self._marks: dict[str, deque[tuple[int, float]]] = {}
        """Segment -> its sizes, and since when it was larger than the one before."""

    def note(self, segment: str, kept: int, seen: int, now: float) -> None:
        """A segment has `seen` bytes now, of which the subscriber has `kept`."""
        marks = self._marks.setdefault(segment, deque())
        while marks and marks[0][0] <= kept:
            marks.popleft()
        if seen <= kept:
            self._marks.pop(segment)
        elif not marks:
            marks.append((seen, now))
        elif seen > marks[-1][0]:
            if len(marks) > 1 and now - marks[-1][1] < STEP_SECONDS:
                marks[-1] = (seen, marks[-1][1])
            else:
                marks.append((seen, now))
        if len(marks) > MARKS_MAX:
            self._thin(segment)

    def seconds(self, now: float) -> float:
        """The age of the oldest byte that the subscriber has not got; 0 when it has all."""
        return max((now - marks[0][1] for marks in self._marks.values() if marks), default=0.0)

    def forget(self, known: frozenset[str]) -> None:
        """There are no segments any more but these."""
        self._marks = {name: marks for name, marks in self._marks.items() if name in known}

    def _thin(self, segment: str) -> None:
        """Put two marks together, the earlier time with the larger size."""
        marks = list(self._marks[segment])
        pairs = zip(marks[::2], marks[1::2], strict=False)
        thinned = deque((later[0], earlier[1]) for earlier, later in pairs)
        if len(marks) % 2:
            thinned.append(marks[-1])
        self._marks[segment] = thinned
