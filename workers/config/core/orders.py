"""What becomes of orders: which pack is put together, and which revision is to be applied next.

Orders come twice, late and out of order. Invariants: of two orders the one with the older head
never says what shall be live; a pack is put together from its parts in their order, each once; a
revision that was tried is not tried again unless an operator orders it, or its failure changed
nothing and some time has passed; what an operator asked for is done once, however often it comes.
Time is in seconds of the node's own clock.
"""

import math
from dataclasses import dataclass

import msgspec

from workers.config.core.messages import Order, Past
from workers.config.core.problems import one_line
from workers.config.core.reports import Outcome

STALE_SECONDS = 10.0
"""A pack of which no part came for so long gives way to another."""
HARMLESS = (Outcome.REFUSED, Outcome.KEPT)
"""Outcomes after which trying once more disturbs nobody."""


class OrderRefusedError(ValueError):
    """What a task asks for makes no sense on this node; one sentence."""


def read_order(argument: object, subcluster: str) -> Order:
    """The order that a task brings; raises `OrderRefusedError`."""
    try:
        order = msgspec.convert(argument, Order)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise OrderRefusedError(f"it is no order: {one_line(str(error))}") from None
    if order.subcluster != subcluster:
        way = "send it to the queue of a node of that subcluster"
        raise OrderRefusedError(
            f"it is for subcluster {order.subcluster!r}, this node is in {subcluster}; {way}"
        )
    if order.target > order.head:
        raise OrderRefusedError(f"r{order.target} shall be live, but the newest is r{order.head}")
    if order.pack and order.offset + len(order.pack) > order.size:
        raise OrderRefusedError("its part reaches beyond the end of the pack; send the part anew")
    return order


@dataclass(frozen=True, slots=True)
class Pack:
    """Which pack: the commits that it leads from (empty: nothing) and to, and its bytes."""

    since: str
    commit: str
    size: int
    reset: str = ""
    """The commit that is given up for it; empty: none."""


class Parts:
    """How far the pack that comes in parts is put together."""

    def __init__(self) -> None:
        self.pack: Pack | None = None
        self.received = 0
        """Bytes; the offset of the next part."""
        self._last_at = -math.inf

    @property
    def complete(self) -> bool:
        """Whether every byte is there."""
        return self.pack is not None and self.received == self.pack.size

    def take(self, part: Order | Past, now: float, reset: str = "") -> bool:
        """Whether a part is the next; then its bytes count as received. `reset`: as in `Pack`."""
        pack = Pack(part.since, part.commit, part.size, reset)
        if pack != self.pack:
            if part.offset or not self._gives_way(now):
                return False
            self.pack, self.received = pack, 0
        if part.offset != self.received:
            return False
        self.received += len(part.pack)
        self._last_at = now
        return True

    def clear(self) -> None:
        """Forget the pack: it is taken in, or of no use."""
        self.pack, self.received, self._last_at = None, 0, -math.inf

    def _gives_way(self, now: float) -> bool:
        return self.pack is None or now - self._last_at >= STALE_SECONDS


@dataclass(frozen=True, slots=True)
class Target:
    """A revision that shall be live, and how much somebody insists."""

    revision: int
    ordered: bool = False
    backwards: bool = False
    over_edits: bool = False


class Targets:
    """What shall be live, from all orders that came."""

    def __init__(self) -> None:
        self.newest: Order | None = None
        """The newest order."""
        self.wish = 0
        """The newest thing that an operator asked for."""
        self._waiting: Target | None = None
        self._tried: Target | None = None
        self._outcome: Outcome | None = None

    def order(self, order: Order) -> bool:
        """Take an order in; False when a newer one came before."""
        if self.newest is not None and order.head < self.newest.head:
            return False
        self.newest = order
        target = Target(order.target, order.ordered, order.backwards, order.over_edits)
        if order.wish and order.wish == self.wish and target == (self._waiting or self._tried):
            return True  # it waits, or was done
        self.wish = order.wish or self.wish
        untried = target.revision != 0 and (order.ordered or target != self._tried)
        self._waiting = target if untried else None
        return True

    def next(self, number: int) -> Target | None:
        """What to apply now, once; None: nothing. `number`: the newest revision of the replica."""
        target = self._waiting
        if target is None or target.revision > number:
            return None
        self._waiting, self._tried, self._outcome = None, target, None
        return target

    def ended(self, outcome: Outcome) -> None:
        """Say what came of the last one."""
        self._outcome = outcome

    def again(self) -> bool:
        """Some time has passed: what failed without harm is tried once more; whether it is."""
        if self.newest is None or self._tried is None or self._waiting is not None:
            return False
        if self.newest.target != self._tried.revision or self._outcome not in HARMLESS:
            return False
        self._waiting = self._tried
        return True
