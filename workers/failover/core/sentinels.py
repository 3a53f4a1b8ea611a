"""Sentinels: of many VIPs that one owner left behind, which are asked for in the next round.

VIPs of one owner and topology go together, as they hang on one lease. While the group is closed
only its sentinel is asked for; when that is silent, so many of the others as a round has room for.
An answer closes the group, and who answered is its sentinel. Silence is counted by the takeover.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from workers.failover.core.actions import Reason

SENTINEL_GROUP = 16
"""More VIPs than this of one owner and topology are asked for through one of them."""


@dataclass(slots=True)
class Candidate:
    """A VIP this node means to take."""

    vip: str
    previous: str
    lease_from: float
    """When the previous owner's agent was last heard: its lease cannot have begun later."""
    reason: Reason
    cidr: str = ""
    lease: float = 0.0
    """Seconds for which the previous owner's kernel keeps it, when that is longer than usual."""
    silent: int = 0
    silent_at: float = -math.inf
    answered_by: str = ""
    answered_at: float = -math.inf
    opinion_at: float = -math.inf
    backoff_from: float = -math.inf
    backoff_until: float = -math.inf
    backoffs: int = 0
    unicast_left: int = 0
    stuck: str = ""
    next_at: float = -math.inf
    ignored: set[str] = field(default_factory=set)

    def served_at(self, known: bool) -> float | None:
        """When it was last served as far as is `known` of its owner; None when nothing is."""
        if known or self.answered_at > -math.inf:
            return max(self.lease_from, self.answered_at)
        return None

    @property
    def due_at(self) -> float:
        """From when on it may be asked for."""
        return max(self.backoff_until, self.next_at)

    @property
    def group(self) -> tuple[str, str]:
        """Those with the same hang on one lease."""
        return self.previous, self.cidr


@dataclass(slots=True)
class Group:
    """Candidates of one owner and topology."""

    members: dict[str, Candidate] = field(default_factory=dict)
    open: bool = False
    sentinel: str = ""

    def choose(self, wanted: Callable[[Candidate], bool]) -> Iterator[Candidate]:
        """Whom to ask for, best first."""
        if self.open or len(self.members) <= SENTINEL_GROUP:
            yield from filter(wanted, self.members.values())
            return
        sentinel = self.members.get(self.sentinel)
        if sentinel is not None and wanted(sentinel):
            yield sentinel
            return
        first = next(filter(wanted, self.members.values()), None)
        if first is not None:
            self.sentinel = first.vip
            yield first


class Sentinels:
    """All groups of a taker."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, str], Group] = {}

    def add(self, candidate: Candidate) -> None:
        """It is to be asked for with its group."""
        group = self._groups.get(candidate.group)
        if group is None:
            group = self._groups[candidate.group] = Group()
        group.members[candidate.vip] = candidate

    def remove(self, candidate: Candidate) -> None:
        """It is wanted no longer."""
        group = self._groups[candidate.group]
        del group.members[candidate.vip]
        if not group.members:
            del self._groups[candidate.group]

    def answered(self, candidate: Candidate) -> None:
        """Somebody has it: the lease of the group may still run."""
        group = self._groups[candidate.group]
        group.open, group.sentinel = False, candidate.vip

    def open(self, candidate: Candidate) -> None:
        """It is silent, or somebody keeps it beyond any lease: the others are asked for."""
        self._groups[candidate.group].open = True

    def close(self) -> None:
        """What was silent a moment ago may not be."""
        for group in self._groups.values():
            group.open = False

    def choose(self, room: int, wanted: Callable[[Candidate], bool]) -> list[Candidate]:
        """At most `room` candidates that are `wanted`; one at least if there is any."""
        chosen: list[Candidate] = []
        for group in self._groups.values():
            for candidate in group.choose(wanted):
                if len(chosen) >= max(room, 1):
                    return chosen
                chosen.append(candidate)
        return chosen
