"""What a VIP and its lease look like in the kernel, and which listed addresses are leased. No I/O.

IPv4: VIPs are `A.B.C.D/0 scope host`, secondaries of the anchor `192.0.2.1/0 scope host`, which
alone has a lifetime; with promotion off they go with it. IPv6, and IPv4 with promotion on: a
lifetime on each. Invariant: an address that is in neither case is not ours to keep.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from workers.failover import netlink
from workers.failover.netlink import FOREVER, KernelAddress

ANCHOR = ipaddress.ip_address("192.0.2.1")
_FLAGS = {4: netlink.IFA_F_NOPREFIXROUTE, 16: netlink.IFA_F_NODAD | netlink.IFA_F_NOPREFIXROUTE}
_PREFIX_LENGTH = {4: 0, 16: 128}
_SCOPE = {4: netlink.SCOPE_HOST, 16: netlink.SCOPE_GLOBAL}
_BROKEN = netlink.IFA_F_DADFAILED | netlink.IFA_F_TENTATIVE


def lease(index: int, packed: bytes, valid_seconds: int = FOREVER) -> KernelAddress:
    """How `packed` is put on interface `index`."""
    size = len(packed)
    return KernelAddress(
        index, packed, _PREFIX_LENGTH[size], _SCOPE[size], _FLAGS[size], valid_seconds
    )


def anchor(index: int, valid_seconds: int) -> KernelAddress:
    """The anchor lease of interface `index`."""
    return lease(index, ANCHOR.packed, valid_seconds)


def has_our_form(address: KernelAddress) -> bool:
    """Whether it is plumbed as a VIP or anchor of ours would be."""
    size = len(address.packed)
    return address.prefix_length == _PREFIX_LENGTH[size] and (
        size == 16 or address.scope == netlink.SCOPE_HOST
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """What one interface's listing means: `leased` are held by a live lease, `unleased` by none."""

    leased: dict[bytes, KernelAddress]
    unleased: dict[bytes, KernelAddress]
    safe: bool
    """There is an anchor whose end takes its secondaries along."""
    others: tuple[KernelAddress, ...]
    """Not of our form: the operator's, or a VIP that a hand has put there."""


def is_anchor(address: KernelAddress) -> bool:
    """Whether VIPs can hang on it: our anchor, a primary address, with an end."""
    return (
        address.packed == ANCHOR.packed
        and has_our_form(address)
        and address.leased
        and not address.secondary
    )


def holds(address: KernelAddress, safe: bool, anchored: bool) -> bool:
    """Whether a lease holds an address of our form; `safe`: its interface has a live anchor."""
    if anchored and len(address.packed) == 4:
        return safe and address.secondary
    return address.leased and not address.flags & _BROKEN


def judge(listed: Iterable[KernelAddress], anchored: bool) -> Standing:
    """Sort a listing; `anchored`: promotion is off, an anchor's end takes its secondaries."""
    ours: list[KernelAddress] = []
    others: list[KernelAddress] = []
    for address in listed:
        (ours if has_our_form(address) else others).append(address)
    safe = anchored and any(is_anchor(a) for a in ours if a.packed == ANCHOR.packed)
    standing = Standing({}, {}, safe, tuple(others))
    for address in ours:
        if address.packed != ANCHOR.packed:
            held = holds(address, safe, anchored)
            (standing.leased if held else standing.unleased)[address.packed] = address
    return standing
