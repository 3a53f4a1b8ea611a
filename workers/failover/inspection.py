"""Looks at what the kernel has, and removes what no plan wants there.

Invariant: the node's own address and what is neither a VIP nor in our form stay, even if the kernel
would take them along with what is removed. Each removal is told as a finding.
"""

import itertools
import socket
import time
from collections.abc import Collection, Iterable

from workers.failover import leases, listing
from workers.failover.core.actions import Reason
from workers.failover.findings import Findings, describe
from workers.failover.kept import Kept
from workers.failover.listing import Listing
from workers.failover.netlink import KernelAddress, Requests, delete_address
from workers.failover.places import Places
from workers.failover.promotion import Promotion

_ROUNDS = 3
_FAMILIES = {4: socket.AF_INET, 16: socket.AF_INET6}


class Inspection:
    """The eyes of the plumber, and its broom."""

    def __init__(self, requests: Requests, kept: Kept) -> None:
        self.promotion = Promotion()
        self.findings = Findings()
        self._requests, self._kept = requests, kept
        self._operators: tuple[str, ...] = ()
        self._seen: tuple[Places, dict[str, bool], list[list[KernelAddress]]] | None = None
        self._listing = Listing()
        """What came of what was `_seen`."""

    def switch_off_promotion(self, interface: str) -> bool:
        """Whether it is off now; that it was on while something hung on an anchor is told."""
        off = self.promotion.switch_off(interface)
        for setting in self.promotion.take_repairs():
            if self._kept.held:
                self.findings.tell(Reason.PROMOTION, time.monotonic(), detail=setting)
        return off

    def look(self, places: Places, sizes: Iterable[int] = ()) -> Listing:
        """What stands on all interfaces, of the sizes of address that matter, or of those."""
        lists = [self._requests.all_addresses(_FAMILIES[n]) for n in sorted(sizes or places.sizes)]
        # Where it is not ours to change, promotion is only read.
        off = {
            name: self.switch_off_promotion(name)
            if name in places.anchoring
            else self.promotion.is_off(name)
            for name in places.links.values()
        }
        seen = (places, off, lists)
        if seen != self._seen:  # what is as it was is not sorted again: it may be thousands
            self._seen, self._listing = seen, _sorted(places, off, lists)
        return self._listing

    def clear(self, places: Places, leaving: Collection[str], sizes: Iterable[int] = ()) -> Listing:
        """List, and delete what should not be there: also what stands beside a held VIP."""
        held = self._kept.held
        found = self.look(places, sizes)
        for round_ in range(_ROUNDS):
            strays = found.strays(held.union(leaving) if leaving else held)
            if not strays:
                break
            if round_ == 0:
                self._tell(strays, places)
            # The first time in just this form: the VIP of our form serves on.
            self._remove(strays, exact=round_ == 0)
            found = self.look(places, sizes)
        if not sizes:
            self._operators = tuple(listing.warn(address) for address in found.operators)
        return found

    def warnings(self) -> tuple[str, ...]:
        """What an operator should know: settings changed, what promotion kept, what a hand did."""
        findings = self.findings.warnings(time.monotonic())
        return (*self.promotion.changes, *self._operators, *findings)

    def _remove(self, strays: list[KernelAddress], exact: bool) -> None:
        """Delete; what the kernel takes along that is not ours comes back with the same send."""
        listed = self._requests.last_listed(socket.AF_INET)
        hanging = listing.hanging(listed, strays)
        again = self._requests.as_listed(hanging) if hanging else []
        self._requests.perform([*(delete_address(a, exact) for a in strays), *again])

    def _tell(self, strays: list[KernelAddress], places: Places) -> None:
        links = {link.ifindex: link.name for link in self._requests.links()}
        names = places.names
        for address in strays:
            vip = names.defined.get(address.packed, "")
            name = links.get(address.ifindex, "an interface that is gone")
            ours = vip in self._kept.held and leases.has_our_form(address)
            outlived = ours and (address.ifindex, address.packed) in names.placed
            reason = Reason.OUTLIVED if outlived else Reason.HAND_ADDED
            self.findings.tell(reason, time.monotonic(), vip=vip, detail=describe(address, name))


def _sorted(places: Places, off: dict[str, bool], lists: Iterable[list[KernelAddress]]) -> Listing:
    """`off`: interface -> whether promotion is off there."""
    by_link: dict[int, list[KernelAddress]] = {index: [] for index in places.links}
    elsewhere: list[KernelAddress] = []
    for address in itertools.chain.from_iterable(lists):
        by_link.get(address.ifindex, elsewhere).append(address)
    standings = {
        index: leases.judge(listed, anchored=off[places.links[index]])
        for index, listed in by_link.items()
    }
    return listing.sort(standings, elsewhere, places.names)
