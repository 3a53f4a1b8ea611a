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


class Ears:
    """Kept up to date by the network and the broker."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.deaf: set[tuple[str, str]] = set()
        """Pairs between which no word passes, not by a third voice either, and no ARP."""
        self.deaf_until: dict[tuple[str, str], float] = {}
        """When the last deafness of a pair ended."""

    def refresh(self) -> None:
        """Connectivity changed: remember when deafness ended."""
        if not self.world.plan.bounds.excuses_deaf:
            return
        for pair in self.deaf:
            self.deaf_until[pair] = self.world.now
        groups = self._groups()
        self.deaf = {
            pair
            for pair in combinations(sorted(self.world.hosts), 2)
            if groups[pair[0]] != groups[pair[1]] and not self.world.network.meets(*pair)
        }

    def excused_until(self, owners: list[Host], since: float) -> float:
        """Until when owners since `since` could not know of each other.

        What a third voice lets a node know when deafness ends, it knows as late as everything else.
        """
        until = since
        for pair in combinations(sorted(host.name for host in owners), 2):
            until = max(
                until, self.world.now if pair in self.deaf else self.deaf_until.get(pair, since)
            )
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
