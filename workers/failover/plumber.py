"""Puts VIPs on this node's interfaces under a kernel lease, renews it, takes them off, and watches.

Invariant: whatever this process does or fails to do, a VIP it added is gone at the latest when the
lease ends. What the kernel lists is the truth: every addition is read back. Whether a VIP should
be here is decided by the core; each call acts on a decision of that moment and undoes what took
too long.
"""

import contextlib
import socket
import time
from collections.abc import Iterable

from workers.failover import capability, leases
from workers.failover.core.actions import DECISION_SECONDS, Renew, Take
from workers.failover.core.definitions import Definitions
from workers.failover.core.events import KernelChanged, LinkChanged, Started, Taken
from workers.failover.errors import PlumberError
from workers.failover.layout import Layout, Place, lay_out
from workers.failover.leases import ANCHOR, Standing
from workers.failover.netlink import (
    RTM_DELADDR,
    RTM_NEWADDR,
    KernelAddress,
    KernelLink,
    Notifications,
    Requests,
    delete_address,
    new_address,
)
from workers.failover.promotion import Promotion

_NOTICES_PER_READ = 4096
_FAMILIES = {4: socket.AF_INET, 16: socket.AF_INET6}
_NOT_HERE = "no topology of this node has an interface for it; see the definitions"
_OWN = "it is this node's own address; choose another VIP"
_PRIMARY = "the kernel made it a primary address, outside the lease; it was removed"


class Plumber:
    """The addresses of one node. Not thread-safe; one per process and network namespace."""

    def __init__(self, node: str, definitions: Definitions) -> None:
        if not capability.has(capability.Capability.NET_ADMIN):
            raise PlumberError("addresses cannot be changed without CAP_NET_ADMIN; run as root")
        self._node = node
        self._requests = Requests()
        self._notifications = Notifications(self._requests.port)
        self._promotion = Promotion()
        self._listed: set[str] = set()
        """VIPs the kernel has, as far as this process knows."""
        self._gone: list[str] = []
        self._operators: tuple[str, ...] = ()
        self._places: dict[str, Place] = {}
        try:
            self._layout = self._lay_out(definitions)
        except PlumberError:
            self.close()
            raise
        self._up = {link.name: link.up for link in self._layout.links.values()}

    def close(self) -> None:
        """Close the sockets; what is on the kernel stays until its lease ends."""
        self._requests.close()
        self._notifications.close()

    def open(self) -> Started:
        """Read the kernel, remove what is ours but not leased or not defined, tell what is left."""
        stray: list[KernelAddress] = []
        operators: list[str] = []
        for interface, standing in self._standings():
            self._listed |= self._named(standing.leased)
            stray += self._strays(standing)
            operators += [
                f"{socket.inet_ntop(_FAMILIES[len(a.packed)], a.packed)} on {interface}"
                for a in standing.others
                if a.secondary and len(a.packed) == 4
            ]
        self._requests.perform([delete_address(address) for address in stray])
        self._operators = tuple(operators)
        return Started(tuple(vip for vip in self._places if vip in self._listed))

    def redefine(self, definitions: Definitions) -> None:
        """Follow new topologies and VIPs; what is no longer defined was released before."""
        self._layout = self._lay_out(definitions)
        self._listed &= self._places.keys()

    def take(self, take: Take) -> Taken:
        """Add VIPs under the lease; the answer is what the kernel lists afterwards."""
        if _stale(take.decided_at):
            return Taken((), stale=True)
        places, failed = self._placed(take.vips)
        refused = self._add(places)
        added = self._read_back(places)
        failed += [(p.address, refused.get(p.address, _PRIMARY)) for p in places if p not in added]
        self._listed |= {place.address for place in added}
        if _stale(take.decided_at):
            self.release(take.vips)
            return Taken((), stale=True)
        return Taken(tuple(place.address for place in added), tuple(failed))

    def release(self, vips: Iterable[str]) -> None:
        """Delete VIPs at once, and the anchor of an interface that has none left."""
        places = [self._places[vip] for vip in vips if vip in self._places]
        self._listed -= {place.address for place in places}
        requests = [delete_address(leases.lease(p.ifindex, p.packed)) for p in places]
        busy = {self._places[vip].ifindex for vip in self._listed}
        idle = {p.ifindex for p in places if len(p.packed) == 4} - busy
        requests += [delete_address(leases.anchor(index, 0)) for index in sorted(idle)]
        self._requests.perform(requests)

    def renew(self, renew: Renew) -> None:
        """Renew the lease of what is held: one anchor per interface, or each address on its own."""
        if _stale(renew.decided_at):
            return
        places = [self._places[vip] for vip in renew.vips if vip in self._listed]
        anchored = self._anchored(places)
        single = [p for p in places if len(p.packed) != 4 or p.ifindex not in anchored]
        indices = anchored & {p.ifindex for p in places if len(p.packed) == 4}
        ttl = self._ttl
        requests = [new_address(leases.anchor(index, ttl)) for index in sorted(indices)]
        requests += [new_address(leases.lease(p.ifindex, p.packed, ttl)) for p in single]
        self._requests.perform(requests)
        if single and _stale(renew.decided_at):
            # A late renewal of a single lease may have brought back what the kernel had removed.
            gone = [place.address for place in single]
            self.release(gone)
            self._gone += gone

    def fileno(self) -> int:
        """Readable when the kernel changed something."""
        return self._notifications.fileno()

    def read(self) -> list[KernelChanged | LinkChanged]:
        """Changes of VIPs and carriers that this process did not ask for; never blocks."""
        notices, lost = self._notifications.read(_NOTICES_PER_READ)
        gone, self._gone = self._gone, []
        appeared: list[str] = []
        changes: list[KernelChanged | LinkChanged] = []
        for notice in notices:
            subject = notice.subject
            if isinstance(subject, KernelLink):
                changes += self._carrier(subject)
                continue
            vip = self._name(subject)
            if vip is None:
                continue
            if notice.kind == RTM_DELADDR and vip in self._listed:
                self._listed.discard(vip)
                gone.append(vip)
            elif notice.kind == RTM_NEWADDR and vip not in self._listed:
                appeared.append(vip)
        if lost:
            missing = self._listed - self._present()
            self._listed -= missing
            gone += sorted(missing)
        if gone or appeared:
            changes.insert(0, KernelChanged(tuple(gone), tuple(appeared)))
        return changes

    def macs(self) -> tuple[str, ...]:
        """Link addresses of the topology interfaces."""
        return tuple(sorted({link.mac for link in self._layout.links.values()}))

    def warnings(self) -> tuple[str, ...]:
        """What an operator should know: settings changed, addresses that would go with a lease."""
        shared = tuple(
            f"{address} is a secondary address of the operator's: with promotion off it goes when "
            "its primary address goes"
            for address in self._operators
        )
        return (*self._promotion.changes, *shared)

    @property
    def _ttl(self) -> int:
        return self._layout.definitions.knobs.lease_ttl

    def _lay_out(self, definitions: Definitions) -> Layout:
        layout = lay_out(self._node, definitions, self._requests.links())
        places = {vip: layout.place(vip) for vip in definitions.vips}
        self._places = {vip: place for vip, place in places.items() if place is not None}
        self._names = {(p.ifindex, p.packed): vip for vip, p in self._places.items()}
        return layout

    def _anchored(self, places: Iterable[Place]) -> set[int]:
        """Interfaces whose IPv4 VIPs hang on an anchor: promotion is read back as off."""
        interfaces = {(p.interface, p.ifindex) for p in places if len(p.packed) == 4}
        return {index for name, index in interfaces if self._promotion.switch_off(name)}

    def _placed(self, vips: Iterable[str]) -> tuple[list[Place], list[tuple[str, str]]]:
        places: list[Place] = []
        failed: list[tuple[str, str]] = []
        for vip in vips:
            place = self._places.get(vip)
            if place is None:
                failed.append((vip, _NOT_HERE))
            elif vip == self._layout.own_address:
                failed.append((vip, _OWN))
            else:
                places.append(place)
        return places, failed

    def _add(self, places: list[Place]) -> dict[str, str]:
        """Anchors first, then the VIPs with a lifetime; returns what the kernel refused."""
        indices = self._anchored(places)
        anchors = [new_address(leases.anchor(index, self._ttl)) for index in sorted(indices)]
        vips = [new_address(leases.lease(p.ifindex, p.packed, self._ttl)) for p in places]
        refused = self._requests.perform(anchors + vips).refused
        return {
            places[position - len(anchors)].address: sentence
            for position, sentence in refused.items()
            if position >= len(anchors)
        }

    def _read_back(self, places: list[Place]) -> list[Place]:
        """Keep what is under a lease, make secondaries lasting, delete everything else."""
        leased: set[tuple[int, bytes]] = set()
        lasting: list[bytes] = []
        stray: list[bytes] = []
        wanted = {(p.ifindex, p.packed) for p in places}
        for _, standing in self._standings():
            for packed, address in standing.leased.items():
                if (address.ifindex, packed) in wanted:
                    leased.add((address.ifindex, packed))
                    if len(packed) == 4 and address.secondary:
                        lasting.append(new_address(leases.lease(address.ifindex, packed)))
            stray += [
                delete_address(address)
                for packed, address in standing.unleased.items()
                if (address.ifindex, packed) in wanted
            ]
        self._requests.perform(lasting + stray)
        return [place for place in places if (place.ifindex, place.packed) in leased]

    def _standings(self) -> Iterable[tuple[str, Standing]]:
        """Each topology interface with what is on it, by family."""
        families = {(p.interface, p.ifindex, len(p.packed)) for p in self._places.values()}
        families |= {(n, link.ifindex, 4) for n, link in self._layout.links.items()}
        for interface, index, size in sorted(families):
            anchored = size == 4 and self._promotion.switch_off(interface)
            listed = self._requests.addresses(index, _FAMILIES[size])
            yield interface, leases.judge(listed, anchored)

    def _strays(self, standing: Standing) -> list[KernelAddress]:
        own = socket.inet_pton(_family(self._layout.own_address), self._layout.own_address)
        marked = [a for a in standing.leased.values() if len(a.packed) == 4 and not self._name(a)]
        unleased = [a for a in standing.unleased.values() if len(a.packed) == 4 or self._name(a)]
        handmade = [a for a in standing.others if self._name(a)]
        return [a for a in (*marked, *unleased, *handmade) if a.packed != own]

    def _named(self, addresses: dict[bytes, KernelAddress]) -> set[str]:
        return {vip for a in addresses.values() if (vip := self._name(a)) is not None}

    def _name(self, address: KernelAddress) -> str | None:
        if address.packed == ANCHOR.packed:
            return None
        return self._names.get((address.ifindex, address.packed))

    def _present(self) -> set[str]:
        present: set[str] = set()
        for _, standing in self._standings():
            present |= self._named(standing.leased)
        return present

    def _carrier(self, link: KernelLink) -> list[KernelChanged | LinkChanged]:
        if self._up.get(link.name) in (None, link.up):
            return []
        self._up[link.name] = link.up
        return [LinkChanged(link.name, link.up)]


def _stale(decided_at: float) -> bool:
    return time.monotonic() - decided_at > DECISION_SECONDS


def _family(address: str) -> socket.AddressFamily:
    with contextlib.suppress(OSError):
        socket.inet_pton(socket.AF_INET, address)
        return socket.AF_INET
    return socket.AF_INET6
