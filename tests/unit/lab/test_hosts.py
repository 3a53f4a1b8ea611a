"""Where hosts and VIPs of a lab sit in its subnet."""

import ipaddress

import pytest

from workers.lab.core.hosts import (
    MOST_NODES,
    POOL,
    Role,
    free_subnet,
    hosts_of,
    namespace,
    next_node,
    prefix_for,
    vips_of,
)


def test_hosts_have_addresses_and_link_addresses_of_their_own() -> None:
    hosts = hosts_of("198.18.7.0/24", nodes=89, brokers=3, managers=1, collectors=8)
    addresses = [host.address for host in hosts]
    everything = addresses + list(vips_of("198.18.7.0/24", 100))
    assert len(set(everything)) == len(everything)
    assert len({host.mac for host in hosts}) == len(hosts)
    assert all(int(host.mac[:2], 16) & 3 == 2 for host in hosts)  # local, unicast


def test_small_lab() -> None:
    hosts = {host.name: host for host in hosts_of("198.18.7.0/24", nodes=1, brokers=1)}
    assert set(hosts) == {"mta1", "broker1", "client", "sink", "gateway"}
    assert hosts["gateway"].address == "198.18.7.1"
    assert hosts["mta1"].role is Role.NODE
    managed = hosts_of("198.18.7.0/24", nodes=1, brokers=1, managers=1)
    assert [h.address for h in managed if h.role is Role.MANAGER] == ["198.18.7.231"]
    assert namespace("demo", "mta1") == "muster-demo-mta1"


@pytest.mark.parametrize(("vips", "prefix"), [(1, 24), (100, 24), (101, 23), (255, 23), (256, 22)])
def test_block_grows_with_the_vips(vips: int, prefix: int) -> None:
    assert prefix_for(vips) == prefix
    subnet = free_subnet([], vips)
    assert subnet is not None
    hosts = {host.address for host in hosts_of(subnet, nodes=89, brokers=3)}
    block = ipaddress.ip_network(subnet)
    taken = {str(block.network_address), str(block.broadcast_address)} | hosts
    assert not taken & set(vips_of(subnet, vips))
    assert all(ipaddress.ip_address(vip) in block for vip in vips_of(subnet, vips))


def test_free_subnet_touches_nothing_taken() -> None:
    assert free_subnet([], 6) == "198.18.0.0/24"
    assert free_subnet(["198.18.0.0/24", "198.18.1.7"], 6) == "198.18.2.0/24"
    assert free_subnet(["198.18.0.0/16", "0.0.0.0/0"], 6) == "198.19.0.0/24"
    assert free_subnet([str(POOL)], 6) is None


def test_the_next_node_takes_the_first_free_place() -> None:
    hosts = hosts_of("198.18.0.0/24", nodes=3, brokers=1, managers=1)
    fourth = next_node("198.18.0.0/24", hosts)

    assert fourth == hosts_of("198.18.0.0/24", nodes=4, brokers=0)[3]
    assert next_node("198.18.0.0/24", hosts[1:]) == hosts[0]
    assert next_node("198.18.0.0/24", hosts_of("198.18.0.0/24", MOST_NODES, 0)) is None
