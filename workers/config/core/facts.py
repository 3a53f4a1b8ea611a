"""What templates see: the names that docs/reference/templates.md lists, with these attributes.

The caller fills them from the definitions of the revision that is rendered, so that the manager and
the node see the same; nothing here is measured on the node.
"""

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import msgspec


class Node(msgspec.Struct, frozen=True):
    """A member of the subcluster. `interfaces`: (CIDR, network card) where it differs."""

    name: str
    address: str
    segment: str = ""
    weight: int = 1
    interfaces: tuple[tuple[str, str], ...] = ()


class Vip(msgspec.Struct, frozen=True):
    """A virtual address. `interface` is the card that carries it on the node rendered for."""

    address: str
    interface: str
    prefer: tuple[str, ...] = ()
    follow: str = ""
    weight: int = 1
    binding: str = ""
    description: str = ""


class Transport(msgspec.Struct, frozen=True):
    """What keeps a transport of Postfix within a node's share of the limits; delays in seconds."""

    destination_concurrency_limit: int
    destination_rate_delay: int
    transport_rate_delay: int
    process_limit: int


class Facts(msgspec.Struct, frozen=True):
    """All that templates of one node see. `revision` is the one rendered, or about to be made."""

    cluster: str
    subcluster: str
    revision: int
    node: Node
    nodes: tuple[Node, ...]
    """Every node of the subcluster, this one too, by name; see `ordered`."""
    vips: tuple[Vip, ...]
    """By IP version and number; see `ordered`."""
    transports: dict[str, Transport] = {}
    """By binding; under "" for mail without one."""


NAMES = Facts.__struct_fields__


class Defined(Protocol):
    """The definitions of a subcluster, whose nodes and VIPs have the attributes of those here."""

    @property
    def cluster(self) -> str:
        """The cluster's name."""

    @property
    def subcluster(self) -> str:
        """The subcluster's name."""

    @property
    def nodes(self) -> Mapping[str, Any]:
        """Every node by its name."""

    @property
    def vips(self) -> Mapping[str, Any]:
        """Every VIP by its address."""

    @property
    def transports(self) -> Mapping[str, Any]:
        """What keeps each binding's transport within a node's share of the limits."""

    def interface_on(self, node: str, vip: str) -> str:
        """The network card that carries a VIP on a node."""


def facts_of(definitions: Defined, revision: int, node: str) -> Facts:
    """The facts of a node at a revision of the repository; `KeyError` when it is not defined."""
    if node not in definitions.nodes:
        raise KeyError(node)
    nodes = (
        Node(**{name: getattr(one, name) for name in Node.__struct_fields__})
        for one in definitions.nodes.values()
    )
    own = [name for name in Vip.__struct_fields__ if name != "interface"]
    vips = (
        Vip(
            interface=definitions.interface_on(node, address),
            **{name: getattr(one, name) for name in own},
        )
        for address, one in definitions.vips.items()
    )
    transports = {
        binding: Transport(**{name: getattr(one, name) for name in Transport.__struct_fields__})
        for binding, one in definitions.transports.items()
    }
    found = ordered(definitions.cluster, definitions.subcluster, revision, node, nodes, vips)
    return msgspec.structs.replace(found, transports=transports)


def ordered(
    cluster: str,
    subcluster: str,
    revision: int,
    name: str,
    nodes: Iterable[Node],
    vips: Iterable[Vip],
) -> Facts:
    """The facts of the node `name`, all in their order; `KeyError` when it is not among `nodes`."""
    by_name: Mapping[str, Node] = {node.name: node for node in nodes}
    return Facts(
        cluster=cluster,
        subcluster=subcluster,
        revision=revision,
        node=by_name[name],
        nodes=tuple(by_name[one] for one in sorted(by_name)),
        vips=tuple(sorted(vips, key=lambda vip: by_number(vip.address))),
    )


def by_number(address: str) -> tuple[int, int]:
    """A key to sort addresses by: version, then number; `ValueError` for what is none."""
    value = ipaddress.ip_address(address)
    return value.version, int(value)


def names_to_values(facts: Facts) -> dict[str, Any]:
    """The names as templates use them."""
    return {name: getattr(facts, name) for name in NAMES}
