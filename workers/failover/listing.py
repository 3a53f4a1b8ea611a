"""What the kernel lists, seen as VIPs: leased, unleased, put there by a hand, or not ours. No I/O.

An address counts as a VIP only on the interface it belongs to. The node's own address is in none of
these, so that nothing here can lead to its removal.
"""

import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from workers.failover.leases import Standing
from workers.failover.netlink import KernelAddress

Names = Mapping[tuple[int, bytes], str]
"""(interface number, packed address) -> VIP."""


@dataclass(slots=True)
class Listing:
    """The topology interfaces of a node at one moment."""

    leased: dict[str, KernelAddress] = field(default_factory=dict)
    """VIPs under a live lease."""
    unleased: list[KernelAddress] = field(default_factory=list)
    """Of our form, but nothing would end them: never to be kept."""
    undefined: list[KernelAddress] = field(default_factory=list)
    """Secondaries of our anchor that are no VIPs."""
    handmade: dict[str, KernelAddress] = field(default_factory=dict)
    """VIPs in another form than ours."""
    operators: list[KernelAddress] = field(default_factory=list)
    """The operator's own IPv4 secondaries."""

    @property
    def vips(self) -> set[str]:
        """Every VIP that stands on its interface, in whatever form."""
        return {*self.leased, *self.handmade}

    @property
    def ours(self) -> set[tuple[int, bytes]]:
        """(interface number, packed address) of everything in our form."""
        return {(a.ifindex, a.packed) for a in (*self.leased.values(), *self.unleased)}

    def of(self, vips: Iterable[str], names: Names) -> list[KernelAddress]:
        """Every listed address that is one of `vips`, in whatever form."""
        wanted = set(vips)
        known = [*self.leased.values(), *self.handmade.values(), *self.unleased]
        return [a for a in known if names.get((a.ifindex, a.packed)) in wanted]


def sort(standings: Iterable[Standing], names: Names, own: bytes) -> Listing:
    """Put names to what stands on the interfaces; `own`: the node's own address, left out."""
    listing = Listing()
    for standing in standings:
        for address in standing.leased.values():
            name = names.get((address.ifindex, address.packed))
            if name is not None:
                listing.leased[name] = address
            elif len(address.packed) == 4 and address.packed != own:
                listing.undefined.append(address)
        for address in standing.unleased.values():
            known = (address.ifindex, address.packed) in names or len(address.packed) == 4
            if known and address.packed != own:
                listing.unleased.append(address)
        for address in standing.others:
            name = names.get((address.ifindex, address.packed))
            if name is not None:
                listing.handmade[name] = address
            elif len(address.packed) == 4 and address.secondary and address.packed != own:
                listing.operators.append(address)
    return listing


def warn(address: KernelAddress) -> str:
    """What an operator should know about a secondary address of their own."""
    text = socket.inet_ntop(socket.AF_INET, address.packed)
    return (
        f"{text}/{address.prefix_length} is a secondary address that is no VIP: with promotion"
        " off it goes when its primary address is deleted"
    )
