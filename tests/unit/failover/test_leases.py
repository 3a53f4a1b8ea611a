"""Leases: the form of VIPs and anchors, and which listed addresses something would end."""

import ipaddress
import struct
from dataclasses import dataclass

import pytest

from workers.failover import leases, listing, netlink
from workers.failover.leases import judge
from workers.failover.netlink import FOREVER, KernelAddress, delete_address, new_address

INDEX = 3
OWN, OTHER = "198.18.0.11", "198.18.0.200"
V, W, SIX = "198.18.0.101", "198.18.0.102", "2001:db8::101"
HOST, GLOBAL = netlink.SCOPE_HOST, netlink.SCOPE_GLOBAL
SECONDARY, PERMANENT = netlink.IFA_F_SECONDARY, netlink.IFA_F_PERMANENT


def packed(address: str) -> bytes:
    return ipaddress.ip_address(address).packed


NAMES = listing.Names(
    placed={(INDEX, packed(vip)): vip for vip in (V, W, SIX)},
    defined={packed(vip): vip for vip in (V, W, SIX)},
    own=packed(OWN),
)


def listed(
    address: str, seconds: int = FOREVER, flags: int = 0, length: int = 0, scope: int = HOST
) -> KernelAddress:
    return KernelAddress(INDEX, packed(address), length, scope, flags, seconds)


def six(address: str, seconds: int, flags: int = 0, length: int = 128) -> KernelAddress:
    return listed(address, seconds, flags, length, GLOBAL)


ANCHOR = listed(str(leases.ANCHOR), 2)
HANGING = listed(V, FOREVER, SECONDARY | PERMANENT)
MINE = listed(OWN, FOREVER, PERMANENT, 24, GLOBAL)


def test_an_ipv4_vip_and_its_anchor_share_one_all_matching_subnet_of_scope_host() -> None:
    vip, anchor = leases.lease(INDEX, packed(V)), leases.anchor(INDEX, 3)

    for address in (vip, anchor):
        assert (address.prefix_length, address.scope) == (0, HOST)
        assert address.flags == netlink.IFA_F_NOPREFIXROUTE
    assert (vip.leased, anchor.leased) == (False, True)
    assert anchor.packed == packed("192.0.2.1")


def test_an_ipv6_vip_stands_alone_and_is_usable_at_once() -> None:
    vip = leases.lease(INDEX, packed(SIX), 3)

    assert (vip.prefix_length, vip.scope, vip.valid_seconds) == (128, GLOBAL, 3)
    assert vip.flags & netlink.IFA_F_NODAD


@pytest.mark.parametrize(
    ("address", "ours"),
    [
        (ANCHOR, True),
        (HANGING, True),
        (listed(V, length=32), False),
        (listed(V, scope=GLOBAL), False),
        (MINE, False),
        (six(SIX, 2), True),
        (six(SIX, 2, length=64), False),
    ],
)
def test_our_form_is_told_from_others(address: KernelAddress, ours: bool) -> None:
    assert leases.has_our_form(address) is ours


@dataclass(frozen=True)
class Case:
    """A listing, whether promotion is off, and which of it a lease holds."""

    name: str
    addresses: tuple[KernelAddress, ...]
    held: tuple[str, ...]
    bare: tuple[str, ...] = ()
    anchored: bool = True


CASES = (
    Case("nothing", (), ()),
    Case("secondary to a live anchor", (ANCHOR, HANGING), (V,)),
    Case("the order does not matter", (HANGING, ANCHOR), (V,)),
    Case("primary beside a live anchor", (ANCHOR, listed(V)), (), (V,)),
    Case("no anchor", (HANGING,), (), (V,)),
    Case("an anchor without an end", (listed(str(leases.ANCHOR)), HANGING), (), (V,)),
    Case("an anchor that hangs on another", (ANCHOR._replace(flags=SECONDARY), HANGING), (), (V,)),
    Case("a lifetime of its own, and no anchor", (listed(V, 2),), (), (V,)),
    Case("an anchor of another form", (ANCHOR._replace(scope=GLOBAL), HANGING), (), (V,)),
    Case("promotion on: a secondary stays", (ANCHOR, HANGING), (), (V,), anchored=False),
    Case("promotion on: a lifetime of its own", (listed(V, 2),), (V,), anchored=False),
    Case("IPv6 with a lifetime", (six(SIX, 2),), (SIX,)),
    Case("IPv6 with a lifetime, promotion on", (six(SIX, 2),), (SIX,), anchored=False),
    Case("IPv6 without an end", (six(SIX, FOREVER),), (), (SIX,)),
    Case("IPv6 duplicate", (six(SIX, 2, netlink.IFA_F_DADFAILED),), (), (SIX,)),
    Case("IPv6 not yet usable", (six(SIX, 2, netlink.IFA_F_TENTATIVE),), (), (SIX,)),
    Case("IPv6 does not hang on an anchor", (ANCHOR, six(SIX, FOREVER, SECONDARY)), (), (SIX,)),
    Case("others are not judged", (MINE, listed(V, length=32)), ()),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_held_is_what_a_live_lease_would_end(case: Case) -> None:
    standing = judge(case.addresses, case.anchored)

    assert set(standing.leased) == {packed(vip) for vip in case.held}
    assert set(standing.unleased) == {packed(vip) for vip in case.bare}


# Names put to it.


def sorted_out(*addresses: KernelAddress) -> listing.Listing:
    here = [address for address in addresses if address.ifindex == INDEX]
    elsewhere = [address for address in addresses if address.ifindex != INDEX]
    return listing.sort({INDEX: judge(here, anchored=True)}, elsewhere, NAMES)


def test_a_listing_is_sorted_into_what_to_keep_and_what_to_remove() -> None:
    undefined = listed("198.18.0.103", FOREVER, SECONDARY)
    hand = listed(W, FOREVER, 0, 32, GLOBAL)
    operators = listed(OTHER, FOREVER, SECONDARY, 24, GLOBAL)
    found = sorted_out(ANCHOR, MINE, HANGING, undefined, hand, operators, six(SIX, FOREVER))

    assert found.leased == {V: HANGING}
    assert found.undefined == [undefined]
    assert found.handmade == {W: hand}
    assert found.operators == [operators]
    assert found.unleased == [six(SIX, FOREVER)]
    assert found.anchors == {INDEX}
    assert found.strays({V}) == [six(SIX, FOREVER), undefined, hand]
    assert found.strays(()) == [six(SIX, FOREVER), undefined, hand, HANGING]
    assert found.of((V, W), NAMES) == [HANGING, hand]
    assert OTHER in listing.warn(operators)


@pytest.mark.parametrize(
    "address",
    [
        MINE,
        listed(OWN, FOREVER, SECONDARY),
        listed(OWN),
        listed(OWN, FOREVER, SECONDARY, 24, GLOBAL),
    ],
)
def test_the_nodes_own_address_is_in_no_list_whatever_its_form(address: KernelAddress) -> None:
    found = sorted_out(ANCHOR, address)

    assert found == listing.Listing(anchors={INDEX})


def test_strangers_ipv6_addresses_of_our_form_are_left_alone() -> None:
    assert sorted_out(six("2001:db8::999", 2), six("2001:db8::998", FOREVER)) == listing.Listing()


@pytest.mark.parametrize("form", [HANGING, listed(V, length=32), listed(V, length=24)])
def test_a_vip_on_another_interface_is_misplaced(form: KernelAddress) -> None:
    elsewhere = form._replace(ifindex=INDEX + 1)
    stranger = listed(OTHER)._replace(ifindex=INDEX + 1)
    own = MINE._replace(ifindex=INDEX + 1)

    found = sorted_out(ANCHOR, elsewhere, stranger, own)

    assert found == listing.Listing(anchors={INDEX}, misplaced=[elsewhere])


def test_what_the_kernel_takes_along_with_a_primary_is_known() -> None:
    primary = listed("198.18.5.1", FOREVER, 0, 16, GLOBAL)
    hangs = listed("198.18.7.7", FOREVER, SECONDARY, 16, GLOBAL)
    other = (
        listed("198.18.7.8", FOREVER, SECONDARY, 24, GLOBAL),
        listed("198.19.7.7", FOREVER, SECONDARY, 16, GLOBAL),
        hangs._replace(ifindex=INDEX + 1),
        MINE,
        HANGING,
    )

    assert listing.hanging([primary, hangs, *other], [primary]) == {hangs}
    assert listing.hanging([primary, hangs, *other], [primary, hangs]) == set()
    assert listing.hanging([primary, hangs, *other], [hangs, six(SIX, 3)]) == set()


# The bytes: what is asked for is in them.


@pytest.mark.parametrize("address", [leases.anchor(INDEX, 7), leases.lease(INDEX, packed(SIX), 7)])
def test_the_lifetime_is_in_the_request(address: KernelAddress) -> None:
    request = new_address(address)
    length, kind, flags, _, _ = struct.unpack_from("=IHHII", request)
    *_, preferred, valid, _, _ = struct.unpack_from("=HHIHHIIII", request, len(request) - 28)

    assert length == len(request)
    assert (kind, flags & 0x500) == (netlink.RTM_NEWADDR, 0x500)  # replace or create
    assert valid == 7
    # IPv6: never chosen as the source of the node's own traffic.
    assert preferred == (7 if len(address.packed) == 4 else 0)


def test_a_deletion_names_a_prefix_length_only_if_it_is_to_be_exact() -> None:
    address = listed(V, length=32)

    assert delete_address(address, exact=True)[16:].startswith(delete_address(address)[16:])
    assert delete_address(address).count(address.packed) == 1
    assert delete_address(address, exact=True).count(address.packed) == 2
