"""How far the story of each run of a node's agent is known, and what to ask for next.

Invariant: what is taken continues what is known without a gap, each event once; what comes too
early is left, and asked for. Oldest runs first. What a node can no longer tell is named as lost, so
that the story goes on. Storing is `ledger`'s, in one transaction with the cursors.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from workers.failover.core.reports import Ask, Happening, Run

PATIENCE_SECONDS = 1.0
"""An ask that brought nothing is repeated after this long."""
PACE_SECONDS = 0.1
"""One that brought something is followed by the next after this long."""


@dataclass(frozen=True, slots=True)
class Lost:
    """Events of a run, first to last, that nobody can tell any more."""

    incarnation: int
    first: int
    last: int


def continuing(through: int, happenings: Iterable[Happening]) -> list[Happening]:
    """Those that follow `through` without a gap; what is known already or too early is left."""
    taken: list[Happening] = []
    for one in happenings:
        if one.number == through + len(taken) + 1:
            taken.append(one)
    return taken


def lost(runs: Iterable[Run], known: Mapping[int, int]) -> list[Lost]:
    """What lies between the known part of each run and the first event that can be asked for."""
    gaps = ((run.incarnation, known.get(run.incarnation, 0) + 1, run.first - 1) for run in runs)
    return [Lost(incarnation, first, last) for incarnation, first, last in gaps if first <= last]


@dataclass(slots=True)
class Advance:
    """One node's story going on: what is to be stored, and `through` by incarnation after it."""

    through: dict[int, int]
    taken: list[tuple[int, Happening]] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)

    def give_up(self, runs: Iterable[Run]) -> None:
        """Name what of these runs nobody can tell any more."""
        for gap in lost(runs, self.through):
            self.lost.append(gap)
            self.through[gap.incarnation] = gap.last

    def take(self, incarnation: int, happenings: Iterable[Happening]) -> None:
        """Take what continues a run."""
        taken = continuing(self.through[incarnation], happenings)
        self.taken += [(incarnation, one) for one in taken]
        self.through[incarnation] += len(taken)


def wanted(runs: Sequence[Run], known: Mapping[int, int]) -> tuple[int, int] | None:
    """(incarnation, after) of the oldest run of which there is more; None when all is known."""
    for run in runs:
        through = known.get(run.incarnation, 0)
        if run.first <= run.last and through < run.last:
            return run.incarnation, through
    return None


@dataclass(slots=True)
class _Asked:
    at: float
    what: tuple[int, int]


@dataclass(slots=True)
class Asker:
    """Asks nodes for events and reports, none of them too often. Times are monotonic seconds."""

    _events: dict[str, _Asked] = field(default_factory=dict)
    _reports: dict[str, float] = field(default_factory=dict)

    def for_events(self, node: str, what: tuple[int, int] | None, now: float) -> Ask | None:
        """Ask `node` for what is wanted of it, unless it was asked just now."""
        if what is None:
            self._events.pop(node, None)
            return None
        asked = self._events.get(node)
        if asked is not None:
            pause = PATIENCE_SECONDS if asked.what == what else PACE_SECONDS
            if now - asked.at < pause:
                return None
        self._events[node] = _Asked(now, what)
        return Ask(to=node, incarnation=what[0], after=what[1])

    def for_report(self, node: str, known: tuple[int, ...], now: float) -> Ask | None:
        """Ask `node` for what it holds, but for what is known, unless it was asked just now."""
        if now - self._reports.get(node, -PATIENCE_SECONDS) < PATIENCE_SECONDS:
            return None
        self._reports[node] = now
        return Ask(to=node, known=known)

    def forget(self, nodes: Iterable[str]) -> None:
        """Nodes that are gone."""
        for node in nodes:
            self._events.pop(node, None)
            self._reports.pop(node, None)
