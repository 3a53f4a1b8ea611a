"""What takes more than one step of the loop, done bit by bit in its next turns.

VIPs to delete first, then announcements, then connections of VIPs that left. Invariant: what left
is not announced. Each bit takes well under 50 ms; between two, whatever waits in the sockets is
read.
"""

from asyncio import AbstractEventLoop
from collections.abc import Callable
from contextlib import AbstractContextManager

from workers.failover.neighbours import Neighbours
from workers.failover.plumber import Plumber
from workers.failover.sockets import CLOSE_AFTER_SECONDS, Sockets


class Leftovers:
    """`guard`: around each turn, so that a fault of ours ends the process."""

    def __init__(
        self,
        plumber: Plumber,
        neighbours: Neighbours,
        guard: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._plumber, self._neighbours, self._guard = plumber, neighbours, guard
        self._sockets = Sockets(plumber.has)
        self._loop: AbstractEventLoop | None = None
        self._going_on = False

    def open(self, loop: AbstractEventLoop, vips: tuple[str, ...]) -> None:
        """Begin with what an earlier process may have left of these VIPs."""
        self._loop = loop
        self.gone(vips)

    def close(self) -> None:
        """Close the connections of all that left; call it when the plumber is closed."""
        self._sockets.finish()

    def release(self, vips: tuple[str, ...]) -> None:
        """Take VIPs off the kernel."""
        self._plumber.release(vips)
        self.gone(vips)

    def gone(self, vips: tuple[str, ...]) -> None:
        """They left the kernel: nothing is said of them, and no connection of theirs stays."""
        self._neighbours.hush(vips)
        if self._loop is not None:
            self._sockets.note(vips, self._loop.time())
            self._loop.call_later(CLOSE_AFTER_SECONDS, self._go_on)
            self._go_on()

    def announce(self, vips: tuple[str, ...]) -> None:
        """Tell who has these VIPs."""
        self._neighbours.announce(vips)
        self._go_on()

    def warnings(self) -> list[str]:
        """What cannot be done on this host."""
        return [self._sockets.warning] if self._sockets.warning else []

    def _go_on(self) -> None:
        if not self._going_on and self._loop is not None:
            self._going_on = True
            self._loop.call_soon(self._work)

    def _work(self) -> None:
        self._going_on = False
        with self._guard():
            if self._work_a_bit():
                self._go_on()

    def _work_a_bit(self) -> bool:
        if self._plumber.leaving:
            self._plumber.leave()
            return True
        if self._loop is None:
            return False
        return self._neighbours.speak() or self._sockets.work(self._loop.time())
