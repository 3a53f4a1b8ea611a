"""What the kernel lists, seen as VIPs: leased, unleased, put there by a hand, or not ours. No I/O.

A VIP stands only on the interface it belongs to; anywhere else it is misplaced. The node's own
address is in none of these, so that nothing here can lead to its removal.
"""

import socket
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from workers.failover.leases import Standing, has_our_form
from workers.failover.netlink import KernelAddress


@dataclass(frozen=True, slots=True)
class Names:
    """What addresses are called on this node."""

    placed: Mapping[tuple[int, bytes], str]
    """(interface number, packed address) -> VIP, where it belongs."""
    defined: Mapping[bytes, str]
    """Packed address -> VIP, wherever it stands."""
    own: bytes
    """The node's own address."""


@dataclass(slots=True)
class Listing:
    """The addresses of a node at one moment."""

    leased: dict[str, KernelAddress] = field(default_factory=dict)
    """VIPs under a live lease."""
    unleased: list[KernelAddress] = field(default_factory=list)
    """Of our form, but nothing would end them: never to be kept."""
    undefined: list[KernelAddress] = field(default_factory=list)
    """Secondaries of our anchor that are no VIPs."""
    handmade: dict[str, KernelAddress] = field(default_factory=dict)
    """VIPs in another form than ours."""
    misplaced: list[KernelAddress] = field(default_factory=list)
    """VIPs on an interface that is not theirs."""
    operators: list[KernelAddress] = field(default_factory=list)
    """The operator's own IPv4 secondaries."""
    anchors: set[int] = field(default_factory=set)
    """Numbers of the interfaces that have a live anchor."""

    def strays(self, held: Collection[str]) -> list[KernelAddress]:
        """What has to go when only `held` VIPs belong here."""
        more = [address for vip, address in self.leased.items() if vip not in held]
        bare = [*self.unleased, *self.undefined, *self.misplaced, *self.handmade.values()]
        return [*bare, *more]

    @property
    def ours(self) -> set[tuple[int, bytes]]:
        """(interface number, packed address) of everything in our form."""
        return {(a.ifindex, a.packed) for a in (*self.leased.values(), *self.unleased)}

    def of(self, vips: Iterable[str], names: Names) -> list[KernelAddress]:
        """Every listed address that is one of `vips`, in whatever form, where it belongs."""
        wanted = set(vips)
        known = [*self.leased.values(), *self.handmade.values(), *self.unleased]
        return [a for a in known if names.placed.get((a.ifindex, a.packed)) in wanted]


def sort(
    standings: Mapping[int, Standing], elsewhere: Iterable[KernelAddress], names: Names
) -> Listing:
    """Put names to what stands: by number of topology interface, and `elsewhere`."""
    listing = Listing()
    for ifindex, standing in standings.items():
        if standing.safe:
            listing.anchors.add(ifindex)
        for address in standing.leased.values():
            _sort_ours(listing, address, names, leased=True)
        for address in standing.unleased.values():
            _sort_ours(listing, address, names, leased=False)
        for address in standing.others:
            _sort_other(listing, address, names)
    listing.misplaced += [
        a for a in elsewhere if a.packed in names.defined and a.packed != names.own
    ]
    return listing


def _sort_ours(listing: Listing, address: KernelAddress, names: Names, *, leased: bool) -> None:
    name = names.placed.get((address.ifindex, address.packed))
    if address.packed == names.own:
        return
    if name is not None and leased:
        listing.leased[name] = address
    elif name is None and address.packed in names.defined:
        listing.misplaced.append(address)
    elif name is not None or len(address.packed) == 4:
        (listing.undefined if leased else listing.unleased).append(address)


def _sort_other(listing: Listing, address: KernelAddress, names: Names) -> None:
    if address.packed == names.own:
        return
    name = names.placed.get((address.ifindex, address.packed))
    if name is not None:
        listing.handmade[name] = address
    elif address.packed in names.defined:
        listing.misplaced.append(address)
    elif len(address.packed) == 4 and address.secondary:
        listing.operators.append(address)


def warn(address: KernelAddress) -> str:
    """What an operator should know about a secondary address of their own."""
    text = socket.inet_ntop(socket.AF_INET, address.packed)
    return (
        f"{text}/{address.prefix_length} is a secondary address that is no VIP: with promotion"
        " off it goes when its primary address is deleted"
    )


def hanging(
    listed: Iterable[KernelAddress], removed: Collection[KernelAddress]
) -> set[KernelAddress]:
    """The IPv4 secondaries that the kernel deletes along with the primaries in `removed`."""
    subnets = {_subnet(a) for a in removed if len(a.packed) == 4 and not a.secondary}
    if not subnets:
        return set()
    return {
        a
        for a in listed
        if len(a.packed) == 4
        and a.secondary
        and not has_our_form(a)
        and a not in removed
        and _subnet(a) in subnets
    }


def _subnet(address: KernelAddress) -> tuple[int, int, int]:
    beyond = 32 - address.prefix_length
    network = int.from_bytes(address.packed, "big") >> beyond
    return address.ifindex, address.prefix_length, network
