"""What the cluster should be: the values that nodes act on. Text form: `definitions_text`.

All durations are seconds. One `Definitions` describes one subcluster at one revision.
"""

import ipaddress
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property, lru_cache

from workers.logs.core.definitions import Logs
from workers.replication.core.definitions import Replication
from workers.replication.core.shares import share_of
from workers.replication.core.transports import Transport, transport_of

read_address = lru_cache(maxsize=1 << 15)(ipaddress.ip_address)
"""`ip_address`, fast for what was read before: thousands of VIPs are read at every change."""


class PartitionPolicy(StrEnum):
    """Which part of a partition may hold VIPs."""

    COVER = "cover"
    QUORUM = "quorum"


class AnnounceTo(StrEnum):
    """Who is told of a VIP's new owner: the whole network, or hosts of interest only."""

    ALL = "all"
    INTEREST = "interest"


class AdminState(StrEnum):
    """What operators want of a node; only an enabled one is an heir.

    A node in maintenance gives its VIPs away like a draining one; its troubles raise no alarm.
    """

    ENABLED = "enabled"
    DRAINING = "draining"
    MAINTENANCE = "maintenance"


@dataclass(frozen=True, slots=True)
class Knobs:
    """The failover settings of a subcluster; defaults and bounds as in docs/reference."""

    heartbeat_interval: float = 0.2
    dead_after: float = 0.6
    lease_ttl: int = 3
    start_delay: float = 0.6
    view_mature_time: float = 5.0
    balance_interval: float = 10.0
    balance_set_size: int = 64
    handoff_timeout: float = 1.0
    definition_wait: float = 10.0
    probe_count: int = 3
    probe_interval: float = 0.03
    audit_interval: float = 5.0
    flap_limit: float = 4.0
    announce_count: int = 5
    announce_period: float = 60.0
    announce_to: AnnounceTo = AnnounceTo.ALL
    partition_policy: PartitionPolicy = PartitionPolicy.COVER
    check_interval: float = 2.0
    check_timeout: float = 1.0
    check_fall: int = 3
    """Failures in a row after which a check counts as failed."""
    hook_timeout: float = 5.0
    on_change: str = ""
    """Command `/PATH ARGUMENTS` that a node runs when it took or lost a VIP; "" is none."""


@dataclass(frozen=True, slots=True)
class Topology:
    """Where addresses of `cidr` live: interface name on every node unless a node overrides it."""

    cidr: str
    interface: str
    witnesses: tuple[str, ...] = ()
    """Addresses outside the cluster probed by ARP / NS; normally the gateway."""
    segment: str = ""
    """The broadcast domain it lies in; "" is not said, and goes with every other."""
    interest: tuple[str, ...] = ()
    """Hosts of interest: told of a new owner even where `announce_to` is not all."""


@dataclass(frozen=True, slots=True)
class Node:
    """A member of the subcluster. `address` is its own primary (cluster) address."""

    name: str
    address: str
    ring_port: int = 7411
    weight: int = 1
    interfaces: tuple[tuple[str, str], ...] = ()
    """(cidr, interface) pairs that override the topology on this node."""
    admin_state: AdminState = AdminState.ENABLED
    segment: str = ""
    """The broadcast domain the node is attached to; "" is not said, and goes with every other."""


@dataclass(frozen=True, slots=True)
class Vip:
    """A virtual address. `prefer`: ordered node names. `follow`: another VIP it sits with."""

    address: str
    prefer: tuple[str, ...] = ()
    follow: str = ""
    weight: int = 1
    """Its share among the addresses of its binding; says nothing about where it is placed."""
    check: str = ""
    """Health check of what it serves, see `checks`; "" is none."""
    binding: str = ""
    """What mail software calls it; addresses of both IP versions may share one."""
    description: str = ""
    hook: str = ""
    """Command `/PATH ARGUMENTS`, called with `take` or `release`, VIP and node; "" is none."""


@dataclass(frozen=True)
class Definitions:
    """Everything a subcluster's nodes act on at one revision; maps by name or address."""

    cluster: str
    subcluster: str
    revision: int
    knobs: Knobs = Knobs()
    topologies: tuple[Topology, ...] = ()
    nodes: dict[str, Node] = field(default_factory=dict)
    vips: dict[str, Vip] = field(default_factory=dict)
    logs: Logs = field(default=Logs())
    """Carried for the shipper of logs; nothing of the failover looks inside."""
    replication: Replication = field(default=Replication())
    """Carried for what shares tables and limits traffic; nothing of the failover looks inside."""

    @cached_property
    def transports(self) -> dict[str, Transport]:
        """For templates: what keeps a node's transports within its share of the limits.

        By binding, under "" for mail without one. Nodes in maintenance have no share.
        """
        limits = self.replication.limits
        bindings = {"", *(one.binding for one in limits), *(v.binding for v in self.vips.values())}
        away = AdminState.MAINTENANCE
        nodes = sum(one.admin_state is not away for one in self.nodes.values())
        return {one: transport_of(share_of(limits, nodes, one)) for one in sorted(bindings)}

    @cached_property
    def witnesses(self) -> tuple[str, ...]:
        """Every witness of every topology, in order, once."""
        return tuple(dict.fromkeys(w for t in self.topologies for w in t.witnesses))

    @cached_property
    def _nets(self) -> list[tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, Topology]]:
        nets = [(ipaddress.ip_network(t.cidr), t) for t in self.topologies]
        return sorted(nets, key=lambda pair: -pair[0].prefixlen)

    def topology_at(self, address: str) -> Topology | None:
        """The topology whose CIDR contains `address` (the longest prefix wins)."""
        read = read_address(address)
        return next((topology for net, topology in self._nets if read in net), None)

    @cached_property
    def topology_of(self) -> dict[str, Topology]:
        """VIP -> the topology it lies in."""
        found = ((vip, self.topology_at(vip)) for vip in self.vips)
        return {vip: topology for vip, topology in found if topology is not None}

    @cached_property
    def node_of_segment(self) -> dict[str, str]:
        """Each segment that nodes name -> the first of its nodes by name."""
        return {
            self.nodes[name].segment: name
            for name in sorted(self.nodes, reverse=True)
            if self.nodes[name].segment
        }

    @cached_property
    def ground(self) -> dict[str, frozenset[str]]:
        """Addresses whose answer proves that a wire works -> CIDRs of the topologies proved.

        They are asked for where they lie, so an answer proves the topology they lie in; a witness
        also proves those that name it, if they use the same interface on every node.
        """
        ground: dict[str, set[str]] = {}
        for address in [*self.witnesses, *(node.address for node in self.nodes.values())]:
            home = self.topology_at(address)
            ground[address] = set() if home is None else {home.cidr}
            for topology in self.topologies:
                if address in topology.witnesses and home and self._same_wire(home, topology):
                    ground[address].add(topology.cidr)
        return {address: frozenset(cidrs) for address, cidrs in ground.items()}

    @cached_property
    def unproved(self) -> frozenset[str]:
        """CIDRs of the topologies whose wire nothing can prove: no VIP there is ever taken.

        A node's own address proves nothing to itself.
        """
        alone = {node.address for node in self.nodes.values()} if len(self.nodes) == 1 else set()
        proved = (cidrs for address, cidrs in self.ground.items() if address not in alone)
        return frozenset(t.cidr for t in self.topologies).difference(*proved)

    def _same_wire(self, one: Topology, other: Topology) -> bool:
        """Every node has both topologies on one interface."""
        own = [dict(node.interfaces) for node in self.nodes.values()]
        return all(
            names.get(one.cidr, one.interface) == names.get(other.cidr, other.interface)
            for names in own
        )

    def interface_on(self, node: str, vip: str) -> str:
        """Interface that carries `vip` on `node`."""
        topology = self.topology_of[vip]
        return dict(self.nodes[node].interfaces).get(topology.cidr, topology.interface)
