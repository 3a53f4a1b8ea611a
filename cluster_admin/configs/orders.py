"""What one node is to be told: who lags, and which part of a pack an order carries.

Pure; time is an argument. Tasks are hints: a node's word (`Stand`) alone says what it has, and
whoever lags is told again. Invariant: an order never names a target that its own history lacks.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from workers.config.core.messages import PART_BYTES, Order

UP = timedelta(seconds=150)
"""A node tells how it stands every minute; one that missed two is not waited for."""
RUN_SILENT = timedelta(seconds=10)
"""A run of a worker that was silent for so long is over, whatever the clocks of the node say."""
ANSWER_SECONDS = 1.0
"""The same part of a pack is not sent again sooner."""
FETCHING_SECONDS = 10.0
"""A node that asked for a part so recently is being helped."""


@dataclass(frozen=True, slots=True)
class Head:
    """The newest revision here; 0 and "" when there is none."""

    number: int = 0
    commit: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """What shall be live on a node; revision 0: what is. The flags are those of `Order`."""

    revision: int = 0
    ordered: bool = False
    backwards: bool = False
    over_edits: bool = False
    wish: int = 0


@dataclass(frozen=True, slots=True)
class Stand:
    """How a node stands, as it told last."""

    started_at: str
    """When its run began, in ISO 8601; names the run."""
    sequence: int
    heard_at: datetime
    number: int
    commit: str
    """The newest revision of its replica; "" when that is empty."""
    target: int
    """Of the newest order that it knows of."""
    wish: int = 0
    """The newest that it knows of."""


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes of a pack that leads from commit `since` ("": from nothing) to `head`."""

    since: str
    head: Head
    offset: int = 0
    data: bytes = b""
    size: int = 0
    """Of the whole pack."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a node is to be sent beside what every node is: parts of packs, one way or the other."""

    wants: str = ""
    """The commit that it wants a pack to, from byte `offset` on; empty: none."""
    offset: int = 0
    history: int | None = None
    """The first byte of its own history that is wanted; None: it is not."""
    tells: bool = False
    """It is only asked how it stands: the rows here may be older ones than it is."""


def is_newer(told: Stand, known: Stand | None) -> bool:
    """Whether what was told comes after what is known: messages may come twice and late."""
    if known is None:
        return True
    if told.started_at == known.started_at:
        return told.sequence > known.sequence
    return told.started_at > known.started_at or told.heard_at - known.heard_at >= RUN_SILENT


def is_up(stand: Stand | None, now: datetime) -> bool:
    """Whether a node was heard lately enough to be counted on."""
    return stand is not None and now - stand.heard_at < UP


def lags(stand: Stand, head: Head, target: Target) -> bool:
    """Whether a node has to be told again.

    One that has more than is here is left alone: the manager's own disk may be an older one.
    """
    if stand.commit == head.commit:
        unknown = target.revision != stand.target or target.wish not in (0, stand.wish)
        return 0 < target.revision <= head.number and unknown
    return head.number > 0 and stand.number <= head.number


def holders(stands: dict[str, Stand], number: int, commit: str, now: datetime) -> list[str]:
    """Nodes that hold a revision, by name: those that are up and have it, or a later one."""
    return sorted(
        name
        for name, stand in stands.items()
        if is_up(stand, now)
        and (stand.number > number or (stand.number == number and stand.commit == commit))
    )


def order(subcluster: str, part: Part, target: Target) -> Order:
    """What is sent to one node: the newest that is known, and some bytes of what it lacks."""
    known = target if target.revision <= part.head.number else Target()
    return Order(
        subcluster=subcluster,
        head=part.head.number,
        commit=part.head.commit,
        target=known.revision,
        ordered=known.ordered,
        backwards=known.backwards,
        over_edits=known.over_edits,
        wish=known.wish,
        since=part.since,
        pack=part.data[:PART_BYTES],
        offset=part.offset,
        size=part.size,
    )


@dataclass(slots=True)
class Fetches:
    """Which parts of packs nodes asked for, and when they were answered. Monotonic seconds."""

    _asked: dict[str, tuple[str, int, float]] = field(default_factory=dict)
    """Node -> the commit that it wants, the offset, when that was answered."""

    def due(self, node: str, wants: str, offset: int, now: float) -> bool:
        """Whether what a node wants is to be sent now."""
        if not wants:
            self._asked.pop(node, None)
            return False
        before = self._asked.get(node)
        if before and before[:2] == (wants, offset) and now - before[2] < ANSWER_SECONDS:
            return False
        self._asked[node] = (wants, offset, now)
        return True

    def busy(self, now: float) -> set[str]:
        """Nodes that are being helped."""
        self._asked = {n: one for n, one in self._asked.items() if now - one[2] < FETCHING_SECONDS}
        return set(self._asked)
