"""Who could have known: the documented limits under which two owners are excused, and until when.

Two nodes are deaf to each other while no ring carries a word between them in both directions, not
even through third nodes, and ARP does not pass both ways either. A word that is older than
`dead_after` when it arrives is none. A node is numb while its agent does not run or its host is off
the net or paused.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.host import Host
    from tests.simulation.world import World

MEDIATION_SECONDS = 0.3
"""A third node that hears two owners waits half an interval, and tells them within another."""


class Ears:
    """Kept up to date by the network and the broker."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.apart: set[tuple[str, str]] = set()
        """Pairs between which neither a word nor ARP passes directly."""
        self.deaf: set[tuple[str, str]] = set()
        """Those without a third voice, too."""
        self.apart_until: dict[tuple[str, str], float] = {}
        self.deaf_until: dict[tuple[str, str], float] = {}

    def refresh(self) -> None:
        """Connectivity changed: remember until when pairs were apart, and deaf."""
        if not self.world.plan.bounds.excuses_deaf:
            return
        self.apart_until |= dict.fromkeys(self.apart, self.world.now)
        self.deaf_until |= dict.fromkeys(self.deaf, self.world.now)
        groups = self._groups()
        pairs = combinations(sorted(self.world.hosts), 2)
        meets = self.world.network.meets
        self.apart = {pair for pair in pairs if not self._talk(*pair) and not meets(*pair)}
        self.deaf = {(one, other) for one, other in self.apart if groups[one] != groups[other]}

    def excused_until(self, owners: list[Host], since: float) -> float:
        """Until when owners since `since` could not know of each other.

        A third voice, where there is one, tells those that are still apart.
        """
        until = since
        for pair in combinations(sorted(host.name for host in owners), 2):
            if pair in self.deaf:
                return self.world.now
            known = max(since, self.deaf_until.get(pair, since))
            apart = self.world.now if pair in self.apart else self.apart_until.get(pair, since)
            until = max(until, known, min(apart, known + MEDIATION_SECONDS))
        return until

    def numb_until(self, host: Host) -> float:
        """The last instant at which the host could not hear or act."""
        agent = host.agent
        if agent is None or not agent.running or not host.attached:
            return self.world.now
        return max(host.numb_until, host.away_until)

    def _groups(self) -> dict[str, str]:
        names = sorted(self.world.hosts)
        group = {name: name for name in names}
        for one, other in combinations(names, 2):
            if self._runs(one) and self._runs(other) and self._talk(one, other):
                old, new = group[other], group[one]
                group = {n: new if g == old else g for n, g in group.items()}
        return group

    def _runs(self, name: str) -> bool:
        agent = self.world.hosts[name].agent
        return agent is not None and agent.running

    def _talk(self, one: str, other: str) -> bool:
        b = self.world.network.reach.b
        if other in b[one] and one in b[other]:
            return True
        broker = self.world.broker
        return broker.tells(one, other) and broker.tells(other, one)
