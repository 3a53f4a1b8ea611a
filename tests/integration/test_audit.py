"""The audit on the real kernel: what a hand does to addresses is put right, told, and bounded."""

import ipaddress
import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.integration.plumbing import (
    OWN,
    OWN6,
    VIPS,
    VIPS6,
    changes,
    host,
    plumbing,
    renew,
    take,
)
from tests.integration.segment import ANCHOR, FOREVER, Host, define
from workers.failover.core.actions import FactKind, Reason
from workers.failover.core.definitions import Knobs
from workers.failover.core.events import KernelChanged
from workers.failover.kept import restore_seconds
from workers.failover.netlink import Requests, delete_address
from workers.failover.plumber import Plumber

__all__ = ["host"]
NOT_OURS = "203.0.113.9"


@contextmanager
def hand() -> Iterator[Requests]:
    """Somebody else's netlink socket: quicker than a program."""
    requests = Requests()
    try:
        yield requests
    finally:
        requests.close()


def deletions(requests: Requests, *vips: str) -> list[bytes]:
    listed = [a for f in (socket.AF_INET, socket.AF_INET6) for a in requests.all_addresses(f)]
    wanted = {ipaddress.ip_address(vip).packed for vip in vips}
    return [delete_address(a) for a in listed if a.packed in wanted]


def delete(requests: Requests, *vips: str) -> None:
    assert not requests.perform(deletions(requests, *vips)).refused


def watch(plumber: Plumber, *vips: str) -> None:
    """What a consumer does all the time: renew, and look at the kernel."""
    renew(plumber, *vips)
    assert plumber.read() == []


def lose(plumber: Plumber, somebody: Requests, held: tuple[str, ...], vip: str) -> None:
    """A hand deletes a VIP just after a look at the kernel; at the next look it is put back.

    If a slow machine let the time pass in which that is allowed, it is all done once more.
    """
    for _ in range(10):
        wanted = deletions(somebody, vip)
        renew(plumber, *held)
        looked = time.monotonic()
        assert plumber.read() == []
        assert not somebody.perform(wanted).refused
        changes = plumber.read()
        took = time.monotonic() - looked
        if not changes:
            print(f"{vip} was away for less than {took * 1000:.2f} ms")
            return
        assert took > restore_seconds(Knobs()), changes
        take(plumber, vip)
        plumber.read()
    pytest.fail("this machine is too slow for any VIP to be put back")


def told(plumber: Plumber) -> list[tuple[str, Reason]]:
    facts = plumber.facts()
    assert all(fact.kind is FactKind.REPAIRED for fact in facts)
    return [(fact.vip, fact.reason) for fact in facts]


# Deleted.


@pytest.mark.parametrize("vip", [VIPS[0], VIPS6[0]])
def test_a_vip_that_a_hand_deletes_is_put_back_at_once(host: Host, vip: str) -> None:
    with plumbing(define(*VIPS, *VIPS6, lease_ttl=3)) as plumber, hand() as somebody:
        take(plumber, *VIPS, *VIPS6)
        plumber.read()
        watch(plumber, *VIPS, *VIPS6)

        lose(plumber, somebody, (*VIPS, *VIPS6), vip)

        assert host.has(*VIPS, *VIPS6)
        assert told(plumber) == [(vip, Reason.HAND_DELETED)]
        assert any(vip in warning for warning in plumber.warnings())
        if vip in VIPS:
            assert host.is_secondary(vip)
            assert host.valid_seconds(vip) == FOREVER


def test_a_vip_that_a_hand_replaces_is_put_back_in_our_form(host: Host) -> None:
    with plumbing(define(*VIPS, lease_ttl=3)) as plumber, hand() as somebody:
        take(plumber, *VIPS)
        host.ip("addr", "add", f"{VIPS[0]}/32", "dev", "eth0")
        plumber.read()
        host.ip("addr", "add", f"{VIPS[0]}/32", "dev", "eth0")
        for _ in range(2):
            watch(plumber, *VIPS)

        lose(plumber, somebody, VIPS, VIPS[0])

        assert host.prefix_lengths(*VIPS) == [0, 0, 0]


@pytest.mark.parametrize("vip", [VIPS[0], VIPS6[0]])
def test_a_vip_that_was_not_looked_for_in_the_last_moments_is_not_put_back(
    host: Host, vip: str
) -> None:
    with plumbing(define(*VIPS, *VIPS6, lease_ttl=3)) as plumber, hand() as somebody:
        take(plumber, *VIPS, *VIPS6)
        plumber.read()
        watch(plumber, *VIPS, *VIPS6)

        time.sleep(0.06)  # a taker may have found it silent in this time
        delete(somebody, vip)
        renew(plumber, *VIPS, *VIPS6)

        assert plumber.read() == [KernelChanged(gone=(vip,))]
        assert not host.has(vip)
        assert told(plumber) == []


def test_without_a_renewal_in_time_nothing_is_put_back(host: Host) -> None:
    with plumbing(define(*VIPS, lease_ttl=3)) as plumber, hand() as somebody:
        take(plumber, *VIPS)
        plumber.read()
        time.sleep(0.35)  # nobody says that this node is entitled still
        plumber.read()
        delete(somebody, VIPS[0])

        assert plumber.read() == [KernelChanged(gone=VIPS[:1])]


@pytest.mark.parametrize("promotion", [0, 1])
def test_an_ended_lease_is_never_taken_for_a_hand(host: Host, promotion: int) -> None:
    vips = (*VIPS, *VIPS6)
    with plumbing(define(*vips, lease_ttl=1)) as plumber:
        take(plumber, *vips)
        watch(plumber, *vips)
        host.promotion(promotion)
        gone: set[str] = set()
        deadline = time.monotonic() + 3
        while gone != set(vips):  # looked for all the time
            assert time.monotonic() < deadline
            for change in plumber.read():
                assert isinstance(change, KernelChanged)
                gone.update(change.gone)
            time.sleep(0.002)
        renew(plumber, *vips)
        plumber.read()

        assert not host.addresses().keys() & set(vips)
        assert {reason for _, reason in told(plumber)} <= {Reason.OUTLIVED, Reason.PROMOTION}


def test_an_anchor_that_a_hand_deletes_releases_what_hung_on_it(host: Host) -> None:
    with plumbing(define(*VIPS, lease_ttl=3)) as plumber, hand() as somebody:
        take(plumber, *VIPS)
        plumber.read()
        watch(plumber, *VIPS)

        delete(somebody, ANCHOR)

        assert plumber.read() == [KernelChanged(gone=VIPS)]
        assert not host.addresses().keys() & set(VIPS)


def test_a_hand_that_does_not_stop_wins_in_the_end(host: Host) -> None:
    with plumbing(define(*VIPS, lease_ttl=3)) as plumber, hand() as somebody:
        take(plumber, *VIPS)
        plumber.read()
        lose(plumber, somebody, VIPS, VIPS[0])
        watch(plumber, *VIPS)

        delete(somebody, VIPS[0])

        assert plumber.read() == [KernelChanged(gone=VIPS[:1])]


# Added.


@pytest.mark.parametrize("interface", ["eth0", "lo"])
@pytest.mark.parametrize("vip", [f"{VIPS[0]}/32", f"{VIPS[0]}/16", f"{VIPS6[0]}/64"])
def test_a_vip_that_a_hand_adds_is_removed_and_told(host: Host, vip: str, interface: str) -> None:
    with plumbing(define(*VIPS, *VIPS6, lease_ttl=9)) as plumber:
        host.ip("addr", "add", vip, "dev", interface)

        assert changes(plumber, 0.1) == []

        address = vip.partition("/")[0]
        assert address not in host.ip("addr", "show")
        assert told(plumber) == [(address, Reason.HAND_ADDED)]
        assert any(f"{vip} on {interface}" in warning for warning in plumber.warnings())
        assert host.addresses().keys() == {OWN, OWN6}


def test_a_held_vip_that_a_hand_adds_elsewhere_is_removed_there_alone(host: Host) -> None:
    with plumbing(define(*VIPS, lease_ttl=9)) as plumber:
        take(plumber, *VIPS)
        host.ip("addr", "add", f"{VIPS[0]}/32", "dev", "lo")

        assert changes(plumber, 0.1) == []

        assert VIPS[0] not in host.ip("addr", "show", "dev", "lo")
        assert host.has(*VIPS)


def test_what_is_no_vip_but_in_our_form_is_removed_and_strangers_stay(host: Host) -> None:
    with plumbing(define(*VIPS, lease_ttl=9)) as plumber:
        take(plumber, *VIPS)
        ours = (f"{NOT_OURS}/0", "scope", "host", "noprefixroute")
        host.ip("addr", "add", *ours, "dev", "eth0")
        host.ip("addr", "add", "203.0.113.10/32", "dev", "eth0")
        host.ip(
            "addr",
            "add",
            "2001:db8:77::99/128",
            "dev",
            "eth0",
            "valid_lft",
            "99",
            "preferred_lft",
            "9",
            "nodad",
        )

        assert changes(plumber, 0.1) == []

        kept = {ANCHOR, OWN, OWN6, *VIPS, "203.0.113.10", "2001:db8:77::99"}
        assert host.addresses().keys() == kept
        assert told(plumber) == [("", Reason.HAND_ADDED)]
        assert any(f"{NOT_OURS}/0 on eth0" in warning for warning in plumber.warnings())


def test_what_was_missed_is_found_by_the_audit(host: Host) -> None:
    with plumbing(define(*VIPS, lease_ttl=9)) as plumber:
        host.ip("addr", "add", f"{VIPS[0]}/32", "dev", "lo")
        plumber._notifications.read(100)  # a notice that nobody acted on
        assert plumber.read() == []
        assert VIPS[0] in host.ip("addr", "show")

        plumber.audit()
        assert plumber.read() == []

        assert VIPS[0] not in host.ip("addr", "show")


def test_an_operators_address_that_hangs_on_a_hands_vip_stays(host: Host) -> None:
    host.ip("addr", "flush", "dev", "eth0", "scope", "global")
    host.ip("addr", "add", f"{VIPS[0]}/16", "dev", "eth0")
    host.ip("addr", "add", f"{OWN}/16", "brd", "+", "dev", "eth0")
    assert host.is_secondary(OWN)
    with plumbing(define(*VIPS, lease_ttl=9)) as plumber:
        take(plumber, VIPS[1])

        shown = host.addresses()
        assert shown.keys() == {ANCHOR, OWN, VIPS[1]}
        assert shown[OWN]["broadcast"] == "198.18.255.255"
        assert json.loads(host.run("ip", "-j", "route", "get", "198.18.77.2"))[0]["prefsrc"] == OWN


# Settings, and bounds.


@pytest.mark.parametrize("interface", ["eth0", "all"])
def test_promotion_that_a_hand_switches_on_is_switched_off_and_told(
    host: Host, interface: str
) -> None:
    with plumbing(define(*VIPS, lease_ttl=9)) as plumber:
        take(plumber, *VIPS)
        plumber.read()
        plumber.facts()
        host.promotion(1, interface)

        plumber.audit()
        plumber.read()

        assert host.promotion(interface=interface) == 0
        (fact,) = plumber.facts()
        assert fact.reason is Reason.PROMOTION
        assert f"/{interface}/" in fact.detail


def test_a_flood_of_additions_is_told_in_few_words(host: Host) -> None:
    with plumbing(define(*VIPS, lease_ttl=9)) as plumber:
        for number in range(100):
            address = f"203.0.113.{number + 1}/0"
            host.ip("addr", "add", address, "dev", "eth0", "scope", "host")
        assert changes(plumber, 0.1) == []

        facts = plumber.facts()
        assert len(facts) <= 33
        assert "more" in facts[-1].detail
        assert host.addresses().keys() == {OWN, OWN6}
        assert len(plumber.warnings()) <= 20
