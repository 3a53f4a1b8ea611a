"""What limits say to a request: how much each one has, and which one is reached. Pure.

All are looked at first; only if none refuses, all are charged. A limit that is only tried (`test`)
refuses nobody: it is told when it would have, and not charged, as if it had.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from workers.replication.core.definitions import Action, CutOff, Limit

REFUSALS_MAX = 1_000
"""So many are kept to be looked at, the newest."""


class Window(Protocol):
    """How often something happened within a span: see `tables`."""

    total: int
    own: int
    rolls_at: float
    is_cold: bool
    """Something else counts the key by now: find it anew."""

    def roll(self, now: float) -> None:
        """Let go what is too old; `total` holds until `rolls_at`."""

    def add(self, n: int, now: float) -> None:
        """Count `n` more of this node."""


class Gauge(Protocol):
    """How many there are: see `tables`."""

    total: int
    own: int

    def add(self, n: int) -> None:
        """Count `n` more, or less, of this node."""


@dataclass(frozen=True, slots=True)
class CutOffNow:
    """This node hears nothing of its peers: how it goes on, and among how many it shares."""

    how: CutOff
    nodes: int


class Meter:
    """A limit on one key, and where it is counted: in `cell` of `table`, which `find` finds.

    `window`: what was found last, to be found anew when it is cold. `looks`: it only looks at a
    gauge, which is found anew each time; what is open is counted by leases.
    """

    __slots__ = ("cell", "find", "key", "limit", "looks", "most", "table", "window")

    def __init__(
        self,
        limit: Limit,
        key: str,
        most: int,
        place: tuple[str, str],
        find: Callable[[str], Any],
        looks: bool,
    ) -> None:
        self.limit, self.key, self.most = limit, key, most
        self.table, self.cell = place
        self.find, self.looks = find, looks
        self.window: Any = None if looks else find(self.cell)

    def value(self, now: float) -> int:
        """Return the count of all nodes."""
        return int(self._counter(now).total)

    def own(self, now: float) -> int:
        """Return this node's own part of it."""
        return int(self._counter(now).own)

    def add(self, n: int, now: float) -> None:
        """Count `n` more for this node."""
        if not self.looks:
            self._warm().add(n, now)

    def room_at(self, now: float) -> float:
        """Return when something of the count may go; `now` where nothing says."""
        return now if self.looks else float(self._counter(now).rolls_at)

    def bound(self, cut: CutOffNow | None, now: float) -> tuple[int, int]:
        """Return (count, most) that are to be compared, cut off or not."""
        if cut is not None and cut.how is CutOff.REFUSE:
            return self.value(now), 0
        if cut is not None and cut.how is CutOff.SHARE:
            return self.own(now), share(self.most, cut.nodes)
        return self.value(now), self.most

    def _counter(self, now: float) -> Any:
        if self.looks:
            return self.find(self.cell)
        found = self._warm()
        if now >= found.rolls_at:
            found.roll(now)
        return found

    def _warm(self) -> Any:
        if self.window.is_cold:
            self.window = self.find(self.cell)
        return self.window


def share(most: int, nodes: int) -> int:
    """Return what one of so many nodes may admit alone: at least 1, unless nothing is allowed."""
    return max(1, most // max(1, nodes)) if most else 0


@dataclass(frozen=True, slots=True)
class Refusal:
    """A limit that was reached at `at`; `test`: nobody was refused for it."""

    at: float
    limit: str
    key: str
    value: int
    most: int
    action: Action
    test: bool

    def sentence(self) -> str:
        """Say it to people."""
        verb = "would refuse" if self.test else "refuses"
        return f"limit {self.limit} {verb} {self.key}: {self.value} of {self.most} are used"


@dataclass(frozen=True, slots=True)
class Left:
    """What a limit had when it was looked at, and what it has left."""

    name: str
    key: str
    value: int
    most: int
    remaining: int
    share: int
    """What one node would have of it, if it was divided: at least 1."""
    window: float
    """Seconds; 0: it counts what is open now."""


Asked = Sequence[tuple[Meter, int]]
"""The meters that a request is charged to, with how much."""


def refusals_of(asked: Asked, cut: CutOffNow | None, test: bool, now: float) -> list[Refusal]:
    """Return which limits have no room for the request."""
    found = []
    for meter, n in asked:
        value, most = meter.bound(cut, now)
        if value + n > most:
            limit, tried = meter.limit, test or meter.limit.test
            found.append(Refusal(now, limit.name, meter.key, value, most, limit.action, tried))
    return found


def charge(asked: Asked, but: Sequence[Refusal], now: float) -> None:
    """Charge all meters but those that `but` names: they are only tried."""
    left_out = {(one.limit, one.key) for one in but}
    for meter, n in asked:
        if (meter.limit.name, meter.key) not in left_out:
            meter.add(n, now)


_SEVERITY = (Action.REJECT, Action.DEFER, Action.HOLD)


def deciding(refusals: Sequence[Refusal]) -> Refusal | None:
    """Return the refusal that counts: not a tried one, and the hardest of several."""
    real = (one for one in refusals if not one.test)
    return min(real, key=lambda one: _SEVERITY.index(one.action), default=None)


class Refusals:
    """The newest refusals, and how many there were of each limit."""

    def __init__(self) -> None:
        self._newest: deque[Refusal] = deque(maxlen=REFUSALS_MAX)
        self.counts: dict[tuple[str, bool], int] = {}
        """(limit, whether it is only tried) -> how often."""

    def add(self, found: Sequence[Refusal]) -> None:
        """Note some."""
        for one in found:
            self._newest.append(one)
            key = (one.limit, one.test)
            self.counts[key] = self.counts.get(key, 0) + 1

    def __iter__(self) -> Iterator[Refusal]:
        """The newest first."""
        return reversed(self._newest)
