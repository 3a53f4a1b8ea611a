"""Where each VIP of this node goes, and what its addresses are called. No I/O.

Made anew for each layout; a held VIP that is no longer defined keeps its place until it is gone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from workers.failover.core.standing import OWN_ADDRESS
from workers.failover.layout import Layout, Place, pack
from workers.failover.listing import Names

_NOT_HERE = "no topology of this node has an interface for it; see the definitions"


@dataclass(frozen=True, slots=True)
class Places:
    """The VIPs of one node under one layout."""

    layout: Layout
    of: Mapping[str, Place]
    """VIP -> its place; those without one on this node are left out."""
    names: Names
    links: Mapping[int, str]
    """Topology interfaces by number."""
    anchoring: frozenset[str]
    """Those that have IPv4 VIPs."""
    sizes: frozenset[int]
    """Of addresses, in bytes: what has to be listed."""

    def find(self, vips: Iterable[str]) -> tuple[list[Place], list[tuple[str, str]]]:
        """Places of VIPs, and the VIPs that have none here with the reason."""
        found: list[Place] = []
        failed: list[tuple[str, str]] = []
        for vip in vips:
            if vip in self.of:
                found.append(self.of[vip])
            else:
                failed.append((vip, OWN_ADDRESS if pack(vip) == self.names.own else _NOT_HERE))
        return found, failed


def arrange(layout: Layout, held: Mapping[str, Place]) -> Places:
    """Put every VIP in its place; `held`: where those are that the kernel has."""
    own = pack(layout.own_address)
    places = dict(held)
    defined = {place.packed: vip for vip, place in places.items()}
    for vip in layout.definitions.vips:
        place = layout.place(vip)
        if place is not None and place.packed != own:
            places[vip] = place
        defined[place.packed if place else pack(vip)] = vip
    return Places(
        layout,
        places,
        Names({(p.ifindex, p.packed): vip for vip, p in places.items()}, defined, own),
        {link.ifindex: name for name, link in layout.links.items()},
        frozenset(p.interface for p in places.values() if len(p.packed) == 4),
        frozenset({4, *(len(packed) for packed in defined)}),
    )
