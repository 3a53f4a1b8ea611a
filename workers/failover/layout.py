"""Where addresses live on this node: definitions matched with the kernel's interfaces. No I/O.

An address belongs to the topology with the longest prefix that contains it, and so to one
interface. Shared by the plumber and the neighbours, so that both mean the same interface.
"""

import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
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

    @cached_property
    def _masks(self) -> dict[int, list[tuple[int, int, str]]]:
        """By size of address: (mask, network, interface), longest prefix first."""
        masks: dict[int, list[tuple[int, int, str]]] = {4: [], 16: []}
        for network, interface in self.networks:
            row = (int(network.netmask), int(network.network_address), interface)
            masks[network.max_prefixlen // 8].append(row)
        return masks

    @property
    def own_address(self) -> str:
        """The node's own cluster address: never a VIP."""
        return self.definitions.nodes[self.node].address

    def place(self, address: str) -> Place | None:
        """Where `address` belongs, or None when no topology contains it."""
        packed = pack(address)
        number = int.from_bytes(packed, "big")
        for mask, network, interface in self._masks[len(packed)]:
            if number & mask == network:
                return Place(address, packed, interface, self.links[interface].ifindex)
        return None

    def networks_of(self, interface: str, version: int) -> list[str]:
        """The CIDRs of one IP version that live on `interface`."""
        return [str(n) for n, name in self.networks if name == interface and n.version == version]


def pack(address: str) -> bytes:
    """The bytes of a well-formed address; quicker than `ipaddress`, for thousands."""
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


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
