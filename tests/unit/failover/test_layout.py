"""Layout: which address belongs to which interface of this node, and what does not fit."""

from dataclasses import replace

import pytest

from workers.failover.core.definitions import Definitions, Node, Topology, Vip
from workers.failover.errors import InterfaceError
from workers.failover.layout import Layout, Place, lay_out
from workers.failover.netlink import KernelLink

LINKS = tuple(
    KernelLink(number, f"eth{number}", f"02:00:00:00:00:0{number}", up=True) for number in range(4)
)
DEFINITIONS = Definitions(
    cluster="demo",
    subcluster="mail",
    revision=7,
    topologies=(
        Topology("198.18.0.0/16", "eth0"),
        Topology("198.18.9.0/24", "eth1"),
        Topology("2001:db8::/64", "eth0"),
        Topology("203.0.113.0/24", "eth2"),
    ),
    nodes={
        "mta1": Node("mta1", "198.18.0.11"),
        "mta2": Node("mta2", "198.18.0.12", interfaces=(("203.0.113.0/24", "eth3"),)),
    },
    vips={vip: Vip(vip) for vip in ("198.18.0.101", "203.0.113.5")},
)


def layout(node: str = "mta1", definitions: Definitions = DEFINITIONS) -> Layout:
    return lay_out(node, definitions, LINKS)


@pytest.mark.parametrize(
    ("address", "interface"),
    [
        ("198.18.0.101", "eth0"),
        ("198.18.9.7", "eth1"),
        ("198.18.10.0", "eth0"),
        ("2001:db8::1", "eth0"),
        ("203.0.113.5", "eth2"),
    ],
)
def test_an_address_lives_where_the_longest_prefix_says(address: str, interface: str) -> None:
    place = layout().place(address)

    assert place is not None
    assert (place.address, place.interface) == (address, interface)
    assert place.ifindex == layout().links[interface].ifindex


def test_the_order_of_topologies_does_not_matter() -> None:
    backwards = replace(DEFINITIONS, topologies=DEFINITIONS.topologies[::-1])

    for address in ("198.18.0.101", "198.18.9.7", "2001:db8::1"):
        assert layout(definitions=backwards).place(address) == layout().place(address)


def test_a_place_has_the_address_in_bytes() -> None:
    assert layout().place("198.18.9.7") == Place("198.18.9.7", bytes((198, 18, 9, 7)), "eth1", 1)


@pytest.mark.parametrize("address", ["192.0.2.5", "2001:db8:1::1", "198.19.0.1"])
def test_an_address_outside_every_topology_has_no_place(address: str) -> None:
    assert layout().place(address) is None


def test_a_node_may_name_another_interface() -> None:
    place = layout("mta2").place("203.0.113.5")

    assert place is not None
    assert place.interface == "eth3"
    assert layout("mta2").links.keys() == {"eth0", "eth1", "eth3"}


def test_only_interfaces_of_topologies_are_used() -> None:
    assert layout().links == {link.name: link for link in LINKS[:3]}
    assert layout().own_address == "198.18.0.11"


def test_the_networks_of_an_interface_are_told_by_version() -> None:
    assert layout().networks_of("eth0", 4) == ["198.18.0.0/16"]
    assert layout().networks_of("eth0", 6) == ["2001:db8::/64"]
    assert layout().networks_of("eth1", 6) == []


def test_an_unknown_node_is_told_what_to_add() -> None:
    with pytest.raises(InterfaceError, match=r"mta9 is not in revision 7 .* \[node\.mta9\]"):
        layout("mta9")


@pytest.mark.parametrize(("node", "interface"), [("mta1", "eth2"), ("mta2", "eth3")])
def test_a_missing_interface_is_named_with_its_network_and_node(node: str, interface: str) -> None:
    links = [link for link in LINKS if link.name != interface]

    with pytest.raises(
        InterfaceError, match=rf"{interface} for 203\.0\.113\.0/24 does not exist on node {node}"
    ):
        lay_out(node, DEFINITIONS, links)
