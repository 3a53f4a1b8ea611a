"""What is on its way to one subscriber: how much more may be sent, and when to send again.

A piece is in flight from when it is sent until the subscriber has it on its disk. Invariants: no
more than `limit` bytes and a chunk are in flight; whatever is not answered is sent again, ever
more seldom and one chunk at a time, until something is. Times are seconds of a clock that never
jumps.
"""

from collections import deque

from workers.logs.core.chunks import CHUNK_BYTES

WINDOW_BYTES = 32 << 20
FLIGHTS_MAX = 4_096
"""Pieces in flight, however small."""
SILENCE_SECONDS, SILENCE_MAX_SECONDS = 60.0, 600.0
"""What is not answered for so long is sent again; then after twice as long."""
PAUSE_SECONDS, PAUSE_MAX_SECONDS = 0.5, 8.0
"""After a broker refused a piece."""
WANT_SECONDS = 5.0
"""What was asked for is not sent again within that time, unless something arrived meanwhile."""


class Window:
    """Of one subscriber. Mutable."""

    def __init__(self, limit: int = WINDOW_BYTES) -> None:
        self.limit = limit
        self.bytes = 0
        """In flight."""
        self._flights: dict[str, deque[tuple[int, int]]] = {}
        """Segment -> end and size of each piece, in their order."""
        self._pieces = 0
        self._asked: dict[str, tuple[int, float]] = {}
        self._narrow = False
        """Nothing was answered lately: one chunk has to do."""
        self._since = 0.0
        self._silence = SILENCE_SECONDS
        self._paused_until = 0.0
        self._pause = PAUSE_SECONDS

    def room(self, now: float) -> int:
        """How many bytes may be sent now."""
        if now < self._paused_until or self._pieces >= FLIGHTS_MAX:
            return 0
        limit = min(CHUNK_BYTES, self.limit) if self._narrow else self.limit
        return max(0, limit - self.bytes)

    def sent(self, segment: str, end: int, size: int, now: float) -> None:
        """A piece of `size` bytes that ends at `end` is sent."""
        if not self._pieces:
            self._since = now
        self._flights.setdefault(segment, deque()).append((end, size))
        self.bytes += size
        self._pieces += 1

    def kept(self, segment: str, position: int, now: float) -> None:
        """The subscriber has everything of a segment in front of `position`."""
        self._asked.pop(segment, None)
        flights = self._flights.get(segment)
        while flights and flights[0][0] <= position:
            self.bytes -= flights.popleft()[1]
            self._pieces -= 1
            self._since, self._silence, self._pause = now, SILENCE_SECONDS, PAUSE_SECONDS
            self._narrow = False
        if not flights:
            self._flights.pop(segment, None)

    def wanted(self, segment: str, position: int, now: float) -> bool:
        """The subscriber asks for a segment from `position` on; whether to send that again now.

        Then nothing of the segment is in flight any more.
        """
        asked = self._asked.get(segment)
        if asked is not None and asked[0] == position and now - asked[1] < WANT_SECONDS:
            return False
        if segment not in self._flights and len(self._asked) >= FLIGHTS_MAX:
            self._asked.clear()
        self._asked[segment] = (position, now)
        for _, size in self._flights.pop(segment, ()):
            self.bytes -= size
            self._pieces -= 1
        return True

    def refused(self, now: float) -> bool:
        """A broker had no room for a piece; whether to send everything again, after a pause.

        False: an earlier refusal said so already.
        """
        if now < self._paused_until:
            return False
        self._paused_until = now + self._pause
        self._pause = min(PAUSE_MAX_SECONDS, 2 * self._pause)
        self._narrow = True
        self.empty()
        return True

    def silent(self, now: float) -> bool:
        """Whether it is to be sent all again since nothing was answered for long."""
        if not self._pieces or now - self._since < self._silence:
            return False
        self._silence = min(SILENCE_MAX_SECONDS, 2 * self._silence)
        self._narrow = True
        self.empty()
        return True

    def empty(self) -> None:
        """Nothing is in flight any more: the connection is lost, or everything is sent again."""
        self._flights.clear()
        self._asked.clear()
        self.bytes = self._pieces = 0
