"""Where addresses live on this node: definitions matched with the kernel's interfaces. No I/O.

An address belongs to the topology with the longest prefix that contains it, and so to one
interface. Shared by the plumber and the neighbours, so that both mean the same interface.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from workers.failover.core.definitions import Definitions, Topology
from workers.failover.errors import InterfaceError
from workers.failover.netlink import KernelLink


class Place(NamedTuple):
    """An address in text and bytes, and the interface it belongs to."""

    address: str
    packed: bytes
    interface: str
    ifindex: int


@dataclass(frozen=True)
class Layout:
    """The topology interfaces of one node and where each address goes."""

    node: str
    definitions: Definitions
    links: dict[str, KernelLink]
    """Interfaces of the topologies on this node, by name."""
    networks: tuple[tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, str], ...] = field(
        default=()
    )
    """(network, interface), longest prefix first."""

    @property
    def own_address(self) -> str:
        """The node's own cluster address: never a VIP."""
        return self.definitions.nodes[self.node].address

    def place(self, address: str) -> Place | None:
        """Where `address` belongs, or None when no topology contains it."""
        parsed = ipaddress.ip_address(address)
        for network, interface in self.networks:
            if parsed in network:
                return Place(address, parsed.packed, interface, self.links[interface].ifindex)
        return None

    def networks_of(self, interface: str, version: int) -> list[str]:
        """The CIDRs of one IP version that live on `interface`."""
        return [str(n) for n, name in self.networks if name == interface and n.version == version]


def lay_out(node: str, definitions: Definitions, links: Iterable[KernelLink]) -> Layout:
    """Match definitions and interfaces; InterfaceError when the node or an interface is missing."""
    if node not in definitions.nodes:
        raise InterfaceError(
            f"node {node} is not in revision {definitions.revision} of the definitions of"
            f" {definitions.cluster}/{definitions.subcluster}; add a [node.{node}] section"
        )
    by_name = {link.name: link for link in links}
    networks = [
        (ipaddress.ip_network(t.cidr), _interface(node, definitions, t))
        for t in definitions.topologies
    ]
    for network, name in networks:
        if name not in by_name:
            raise InterfaceError(
                f"interface {name} for {network} does not exist on node {node};"
                f" create it, or name another one for this node in the definitions"
            )
    networks.sort(key=lambda pair: -pair[0].prefixlen)
    used = {name: by_name[name] for _, name in networks}
    return Layout(node, definitions, used, tuple(networks))


def _interface(node: str, definitions: Definitions, topology: Topology) -> str:
    return dict(definitions.nodes[node].interfaces).get(topology.cidr, topology.interface)
