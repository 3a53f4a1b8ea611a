"""What keepalived is told on each node of a lab, and how its VIPs are spread."""

from collections import Counter

import pytest

from workers.lab.core.hosts import Software, hosts_of, vips_of
from workers.lab.keepalived import configuration, misplaced, placing
from workers.lab.state import Record

SUBNET = "198.18.9.0/24"


def record(advert_int: float = 1.0) -> Record:
    return Record(
        name="pair",
        subnet=SUBNET,
        hosts=hosts_of(SUBNET, nodes=3, brokers=0),
        vips=vips_of(SUBNET, 6),
        heartbeat_interval=advert_int,
        mail=False,
        created_at=0.0,
        software=Software.KEEPALIVED,
    )


def test_vips_are_spread_evenly_also_when_a_node_is_gone() -> None:
    """Given six VIPs on three nodes, then each has two, and a lost node's go to both others."""
    places = placing(record())
    assert set(Counter(nodes[0] for nodes in places.values()).values()) == {2}
    for lost in ("mta1", "mta2", "mta3"):
        heirs = [nodes[1] for nodes in places.values() if nodes[0] == lost]
        assert len(set(heirs)) == 2


def test_each_virtual_router_has_one_order_of_nodes() -> None:
    """Given the files of all nodes, then a VIP's priorities differ and its first is the highest."""
    texts = {node: configuration(record(), node) for node in ("mta1", "mta2", "mta3")}
    for number, nodes in enumerate(placing(record()).values(), 1):
        told = {node: _priority(text, number) for node, text in texts.items()}
        assert sorted(told, key=lambda node: -told[node]) == list(nodes)


@pytest.mark.parametrize(("advert_int", "version"), [(1.0, False), (0.1, True)])
def test_parts_of_a_second_need_the_newer_protocol(advert_int: float, version: bool) -> None:
    """Given an interval, then the version is set only where Debian's default will not do."""
    text = configuration(record(advert_int), "mta1")
    assert f"advert_int {advert_int:g}\n" in text
    assert ("vrrp_version 3" in text) is version


def test_a_vip_elsewhere_or_twice_is_misplaced() -> None:
    """Given holdings, then everything but sole holding by the first choice is told."""
    good: dict[str, set[str]] = {node: set() for node in ("mta1", "mta2", "mta3")}
    for vip, nodes in placing(record()).items():
        good[nodes[0]].add(vip)
    vip = record().vips[0]
    held = {node: frozenset(vips) for node, vips in good.items()}
    assert misplaced(record(), held) == []
    assert misplaced(record(), held | {"mta2": held["mta2"] | {vip}}) != []
    assert misplaced(record(), held | {"mta1": held["mta1"] - {vip}}) != []


def _priority(text: str, number: int) -> int:
    section = text.partition(f"vrrp_instance VI_{number} {{")[2]
    return int(section.partition("priority ")[2].split()[0])
