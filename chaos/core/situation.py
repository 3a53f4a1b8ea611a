"""Who can hear, reach and serve whom while certain faults are in force.

Asked twice: what holds for certain, and what may hold. A broker that was touched in the round, or
to which a path was, carries words only perhaps until the round ends; a node that was started or
resumed acts only after a while. What may be is what an outage is excused by, what is certain is
what two owners are held against.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

from workers.lab.core.faults import Fault, FaultKind, frame_rules
from workers.lab.core.hosts import Host, Role

Pair = tuple[str, str]
_STANDING = (
    FaultKind.POWER_LOSS,
    FaultKind.FREEZE,
    FaultKind.STOP_AGENT,
    FaultKind.KILL_AGENT_FOR_GOOD,
    FaultKind.CLEAN_STOP,
)
_BROKER = (FaultKind.BROKER_KILL, FaultKind.BROKER_FREEZE, FaultKind.BROKER_CUT)
_SILENT = (*_STANDING[:2], *_BROKER[:2])


@dataclass(frozen=True)
class Situation:
    """A time in which nothing is done."""

    hosts: tuple[Host, ...]
    faults: tuple[Fault, ...]
    starting: frozenset[str] = frozenset()
    """Nodes whose agents may not act yet: started or resumed a moment ago."""
    gone: frozenset[str] = frozenset()
    """Nodes that are not heirs by definition: removed, draining."""
    doubtful: frozenset[str] = frozenset()
    """Nodes to which the brokers, or the path to them, were touched in this round."""

    def names(self, role: Role) -> tuple[str, ...]:
        """Hosts of a role."""
        return tuple(host.name for host in self.hosts if host.role is role)

    @cached_property
    def nodes(self) -> tuple[str, ...]:
        """Every node, wherever it is."""
        return self.names(Role.NODE)

    def hit(self, *kinds: FaultKind) -> frozenset[str]:
        """Hosts on which such a fault is in force."""
        return frozenset(name for f in self.faults if f.kind in kinds for name in f.targets)

    @cached_property
    def off(self) -> frozenset[str]:
        """Hosts without a kernel on the net."""
        return self.hit(FaultKind.POWER_LOSS, FaultKind.LINK_DOWN, FaultKind.CABLE)

    @cached_property
    def standing(self) -> frozenset[str]:
        """Hosts whose agents do not run."""
        return self.hit(*_STANDING)

    @cached_property
    def able(self) -> frozenset[str]:
        """Nodes that can take a VIP, as far as it is up to them."""
        held_up = self.off | self.standing | self.starting | self.gone
        return frozenset(self.nodes) - held_up

    @cached_property
    def _blocked(self) -> tuple[frozenset[str], frozenset[str], frozenset[Pair]]:
        macs = {host.mac: host.name for host in self.hosts}
        rules = frame_rules(self.faults, self.hosts)
        whole = [rule for rule in rules if rule.match == "match u32 0 0"]
        pairs = {
            (macs[rule.match.rpartition(" ")[2]], rule.port)
            for rule in rules
            if "src" in rule.match
        }
        mute = frozenset(rule.port for rule in whole if not rule.egress)
        return mute, frozenset(rule.port for rule in whole if rule.egress), frozenset(pairs)

    def passes(self, sender: str, receiver: str) -> bool:
        """Whether frames get there."""
        mute, deaf, pairs = self._blocked
        if {sender, receiver} & self.off:
            return False
        return sender not in mute and receiver not in deaf and (sender, receiver) not in pairs

    def meets(self, one: str, other: str) -> bool:
        """Whether frames pass both ways, and with them ARP."""
        return self.passes(one, other) and self.passes(other, one)

    @cached_property
    def reached(self) -> frozenset[str]:
        """Nodes that the client reaches and that reach it."""
        client = self.names(Role.CLIENT)[0]
        return frozenset(node for node in self.nodes if self.meets(node, client))

    def talks(self, one: str, other: str) -> bool:
        """Whether two agents certainly hear each other themselves."""
        if {one, other} & (self.standing | self.starting):
            return False
        deaf = self.hit(FaultKind.RING_B_DOWN)
        if self.meets(one, other) and not {one, other} & deaf:
            return True
        return not {one, other} & self.doubtful and bool(self.names(Role.BROKER))

    @cached_property
    def aware(self) -> Mapping[str, str]:
        """Node -> its group: nodes linked by agents that certainly hear each other."""
        return _groups(self.nodes, (p for p in combinations(self.nodes, 2) if self.talks(*p)))

    def deaf(self, one: str, other: str) -> bool:
        """Whether nothing may tell two nodes of each other: no ring, no third voice, no ARP.

        Not said of a node that is off the net altogether: no client has it for a second owner.
        """
        if {one, other} & self.apart:
            return False
        return self.aware[one] != self.aware[other] and not self.meets(one, other)

    @cached_property
    def together(self) -> Mapping[str, str]:
        """Node -> its group: nodes that may know of each other's VIPs in whatever way."""
        on_bus = {node for node in self.nodes if self._may_use_bus(node)}
        linked = (
            pair
            for pair in combinations(self.nodes, 2)
            if self.passes(*pair) or self.passes(*pair[::-1]) or set(pair) <= on_bus
        )
        return _groups(self.nodes, linked)

    def _may_use_bus(self, node: str) -> bool:
        silent = self.hit(*_SILENT)
        brokers = [name for name in self.names(Role.BROKER) if name not in silent]
        return any(self.meets(node, broker) for broker in brokers)

    def proved(self, node: str) -> bool:
        """Whether somebody certainly answers the node's ARP: a witness, or a peer it hears."""
        witnesses = self.names(Role.GATEWAY)
        peers = [p for p in self.able if p != node and self.talks(node, p)]
        return any(self.meets(node, name) for name in (*witnesses, *peers))

    def served(self) -> bool:
        """Whether some group must serve every VIP to the client."""
        for group in set(self.together.values()):
            members = {node for node in self.nodes if self.together[node] == group} - self.off
            able = members & self.able
            if able and members <= self.reached and all(self.proved(node) for node in able):
                return True
        return False

    @cached_property
    def apart(self) -> frozenset[str]:
        """Nodes that are off the net: no carrier, no power, or a port that drops everything."""
        mute, deaf, _ = self._blocked
        return (self.off | mute | deaf) & frozenset(self.nodes)

    @cached_property
    def unreachable(self) -> frozenset[str]:
        """Nodes that hold VIPs, perhaps, and that the client does not reach."""
        return frozenset(self.nodes) - self.reached


def doubted(fault: Fault, hosts: Sequence[Host]) -> frozenset[str]:
    """Nodes whose way over the brokers a fault harms; all when it harms a broker itself."""
    before, after = Situation(tuple(hosts), ()), Situation(tuple(hosts), (fault,))
    brokers = before.names(Role.BROKER)
    if after.hit(*_BROKER, *_SILENT) & set(brokers):
        return frozenset(before.nodes)
    return frozenset(
        node for node in before.nodes if not all(after.meets(node, broker) for broker in brokers)
    )


def _groups(names: Iterable[str], linked: Iterable[Pair]) -> dict[str, str]:
    group = {name: name for name in names}
    for one, other in linked:
        old, new = group[other], group[one]
        group = {name: new if g == old else g for name, g in group.items()}
    return group
