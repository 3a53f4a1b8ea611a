"""Hosts of interest: who is told one by one, and when everybody is."""

import pytest

from workers.failover.core.interest import (
    FRAMES_MAX,
    HEALING_SECONDS,
    KEPT_SECONDS,
    PER_INTERFACE,
    Interest,
    choose,
    unpack_mac,
)

GATEWAY, CLIENT, OTHER, SIX = "198.18.0.1", "198.18.0.50", "10.0.0.9", "2001:db8::50"
MACS = {host: f"02:00:00:00:00:{n:02x}" for n, host in enumerate((GATEWAY, CLIENT, OTHER, SIX), 1)}
PLACES = {GATEWAY: "eth0", CLIENT: "eth0", OTHER: "eth1", SIX: "eth0"}


def packed(*hosts: str) -> set[bytes]:
    return {bytes.fromhex(MACS[host].replace(":", "")) for host in hosts}


def interest(*, known: tuple[str, ...] = (GATEWAY,), told: tuple[str, ...] = (CLIENT,)) -> Interest:
    one = Interest(frozenset({GATEWAY}), {host: MACS[host] for host in known})
    one.hear("mta2", [(host, MACS[host]) for host in told], 100.0)
    return one


def audience(
    one: Interest, *, now: float = 110.0, size: int = 4, vips: int = 1
) -> set[bytes] | None:
    told = one.audience("eth0", size, vips, PLACES, now)
    return None if told is None else set(told)


def test_the_gateway_and_whom_a_peer_knew_are_told() -> None:
    assert audience(interest()) == packed(GATEWAY, CLIENT)


def test_hosts_of_another_interface_or_ip_version_are_not_told() -> None:
    one = interest(told=(CLIENT, OTHER, SIX))

    assert audience(one) == packed(GATEWAY, CLIENT)
    assert audience(one, size=16) == packed(SIX)


def test_a_host_without_a_topology_may_be_anywhere() -> None:
    one = interest()
    one.known["fe80::1"] = MACS[OTHER]

    assert audience(one, size=16) == packed(OTHER)


def test_a_named_host_whose_link_address_nobody_knows_makes_it_everybody() -> None:
    one = interest(known=())

    assert one.unknown() == [GATEWAY]
    assert audience(one) is None
    one.answer(GATEWAY, MACS[GATEWAY])
    one.answer(OTHER, MACS[OTHER])
    assert audience(one) == packed(GATEWAY, CLIENT)
    one.redefine([CLIENT])
    assert one.answered == {}


def test_everybody_is_told_as_long_as_no_peer_said_whom_it_knows() -> None:
    assert audience(Interest(frozenset(), dict(MACS))) is None


def test_everybody_is_told_after_healing() -> None:
    one = interest()
    one.healed(110.0)

    assert audience(one, now=110.0 + HEALING_SECONDS - 0.1) is None
    assert audience(one, now=110.0 + HEALING_SECONDS) == packed(GATEWAY, CLIENT)


def test_many_vips_for_many_hosts_are_told_to_everybody() -> None:
    assert audience(interest(), vips=FRAMES_MAX // 2) is not None
    assert audience(interest(), vips=FRAMES_MAX // 2 + 1) is None


def test_a_dead_owners_list_is_kept_for_a_while_and_a_removed_nodes_is_not() -> None:
    one = interest()

    assert audience(one, now=100.0 + KEPT_SECONDS) == packed(GATEWAY, CLIENT)
    assert audience(one, now=101.0 + KEPT_SECONDS) == packed(GATEWAY)
    one.keep_only(["mta1"])
    assert one.heard == {}


def test_the_newest_word_counts() -> None:
    one = interest()
    one.hear("mta3", [(CLIENT, MACS[OTHER])], 105.0)

    assert audience(one) == packed(GATEWAY, OTHER)


def test_a_list_is_bounded_for_each_interface_and_in_all() -> None:
    listed = [
        (index, f"198.18.{index}.{n % 250}", f"{n}") for index in (1, 2, 3) for n in range(300)
    ]

    chosen = choose(listed)

    assert len(chosen) == 512
    assert sum(address.startswith("198.18.1.") for address, _ in chosen) == PER_INTERFACE
    one = Interest()
    one.hear("mta2", [("198.18.0.9", "x")] * 9999, 0.0)
    assert len(one.heard["mta2"][1]) == 512


@pytest.mark.parametrize(
    "mac", ["", "zz", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01", "02:00"]
)
def test_what_is_no_hosts_link_address_is_told_nothing(mac: str) -> None:
    assert unpack_mac(mac) is None
    one = interest(told=())
    one.known[CLIENT] = mac
    assert audience(one) == packed(GATEWAY)


def test_lists_that_are_cut_tell_too_little_so_everybody_is_told() -> None:
    ends = [n.to_bytes(2, "big") for n in range(PER_INTERFACE)]
    hosts = [(f"10.1.{e[0]}.{e[1]}", f"02:00:00:01:{e[0]:02x}:{e[1]:02x}") for e in ends]
    places = {host: "eth0" for host, _ in hosts}
    one = Interest(frozenset(), dict(hosts[1:]))
    one.hear("mta2", hosts[1:], 100.0)
    assert len(one.audience("eth0", 4, 1, places, 110.0) or ()) == PER_INTERFACE - 1
    one.hear("mta2", hosts, 100.0)
    assert one.audience("eth0", 4, 1, places, 110.0) is None


def test_where_nobody_is_known_everybody_is_told() -> None:
    one = Interest(frozenset(), {})
    one.hear("mta2", (), 100.0)
    assert audience(one) is None
