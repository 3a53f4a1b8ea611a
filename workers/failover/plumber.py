"""Puts VIPs on this node's interfaces under a kernel lease, renews it, takes them off, and watches.

Invariant: whatever this process does or fails to do, a VIP it added is gone at the latest when the
lease ends. What the kernel lists is the truth: every addition is read back. Whether a VIP should
be here is decided by the core; each call acts on a decision of that moment and undoes what took
too long.
"""

import ipaddress
import math
import socket
import time
from collections.abc import Iterable

from workers.failover import capability, leases, listing
from workers.failover.core.actions import DECISION_SECONDS, Renew, Take
from workers.failover.core.definitions import Definitions
from workers.failover.core.events import KernelChanged, LinkChanged, Started, Taken
from workers.failover.errors import PlumberError
from workers.failover.layout import Layout, Place, lay_out
from workers.failover.listing import Listing
from workers.failover.netlink import (
    FOREVER,
    RTM_DELADDR,
    KernelAddress,
    KernelLink,
    Notice,
    Notifications,
    Requests,
    delete_address,
    new_address,
)
from workers.failover.promotion import Promotion

_NOTICES_PER_READ = 4096
_DELETE_ROUNDS = 3
_PIECE = 128
"""VIPs added in one netlink send."""
_ADDING_SECONDS = 0.02
"""No more is added in one call after this, so that reading back fits into a step of the loop."""
_LOOSE_AT_ONCE = 100
"""Single leases renewed in one call even if fewer would do."""
_EARLY_SECONDS = 0.1
"""The kernel rounds lifetimes by some hundredths; nearer to its end a lease counts as over."""
_FAMILIES = {4: socket.AF_INET, 16: socket.AF_INET6}
_NOT_HERE = "no topology of this node has an interface for it; see the definitions"
_OWN = "it is this node's own address; choose another VIP"
_NOT_LEASED = "the kernel did not put it under the lease, so it was removed"


class Plumber:
    """The addresses of one node. Not thread-safe; one per process and network namespace."""

    def __init__(self, node: str, definitions: Definitions) -> None:
        if not capability.has(capability.Capability.NET_ADMIN):
            raise PlumberError("addresses cannot be changed without CAP_NET_ADMIN; run as root")
        self._node = node
        self._requests = Requests()
        self._notifications = Notifications(self._requests.port)
        self._promotion = Promotion()
        self._held: set[str] = set()
        """VIPs the kernel has, as far as this process knows."""
        self._lasting: set[str] = set()
        """Those of them without a lifetime of their own: they hang on an anchor."""
        self._renewed_at: dict[str, float] = {}
        """Just before the last renewal of each that has a lifetime of its own."""
        self._doubt = False
        """The kernel may differ from `_held`: list it at the next read."""
        self._operators: tuple[str, ...] = ()
        self._places: dict[str, Place] = {}
        try:
            layout = lay_out(node, definitions, self._requests.links())
        except PlumberError:
            self.close()
            raise
        self._up = dict.fromkeys(layout.links, True)
        self._arrange(layout)

    def close(self) -> None:
        """Close the sockets; what is on the kernel stays until its lease ends."""
        self._requests.close()
        self._notifications.close()

    def open(self) -> Started:
        """Remove what is ours but not leased or not defined; tell what lives under a live lease.

        The next `read` tells which interfaces have no carrier.
        """
        found = self._list()
        stray = [*found.unleased, *found.undefined, *found.handmade.values()]
        if stray:
            self._requests.perform([delete_address(address) for address in stray])
            found = self._list()
        self._held = set(found.leased)
        self._lasting = {vip for vip, address in found.leased.items() if not address.leased}
        self._operators = tuple(listing.warn(address) for address in found.operators)
        self._doubt = True
        return Started(tuple(vip for vip in self._places if vip in self._held))

    def redefine(self, definitions: Definitions) -> None:
        """Follow new definitions; InterfaceError, and nothing changed, when they do not fit here.

        A held VIP that is no longer defined stays until it is released; one that belongs to
        another interface now is removed, and the next `read` says so.
        """
        layout = lay_out(self._node, definitions, self._requests.links())
        held = {vip: self._places[vip] for vip in self._held}
        self._arrange(layout)
        moved = [p for vip, p in held.items() if self._places[vip].ifindex != p.ifindex]
        self._requests.perform([self._deletion(place) for place in moved])
        self._doubt = self._doubt or bool(moved)
        self._operators = tuple(listing.warn(address) for address in self._list().operators)

    def take(self, take: Take) -> Taken:
        """Add VIPs under the lease; the answer is what the kernel lists afterwards.

        What did not get its turn in time is left out of the answer, which is then `stale`.
        """
        places, failed = self._placed(take.vips)
        anchored = self._anchorable(places)
        fresh = [place for place in places if place.address not in self._held]
        began = time.monotonic()
        tried, refused, stale = self._add(places, anchored, take.decided_at)
        leased = self._read_back(tried) if tried else set()
        added = [place for place in tried if place.address in leased]
        self._forget(place.address for place in tried if place.address not in leased)
        if not self._make_lasting(added, anchored, began):
            self._forget(place.address for place in fresh)
            self._delete(places)
            self._doubt = True  # what was held before is gone as well: the next read tells
            return Taken((), stale=True)
        self._renewed_at.update((p.address, began) for p in added if self._is_loose(p.address))
        for place in tried:
            if place.address not in leased:
                failed.append((place.address, refused.get(place.address, _NOT_LEASED)))
        return Taken(tuple(place.address for place in added), tuple(failed), stale)

    def release(self, vips: Iterable[str]) -> None:
        """Delete VIPs at once, whoever put them there, and an anchor that has no VIP left."""
        places = [self._places[vip] for vip in vips if vip in self._places]
        self._forget(place.address for place in places)
        self._delete(places)

    def renew(self, renew: Renew) -> None:
        """Renew the lease of what is held; what the kernel no longer has does not come back."""
        places = [self._places[vip] for vip in self._held.intersection(renew.vips)]
        anchored = self._anchorable(places)
        if len(anchored) < len({p.interface for p in places if _ipv4(p)}):
            self._lasting -= {p.address for p in places if p.interface not in anchored}
        loose = [place for place in places if place.address not in self._lasting]
        if loose:
            ours = self._list().ours
            loose = [place for place in loose if (place.ifindex, place.packed) in ours]
            loose = self._due(loose)
        requests = self._anchors(anchored, echo=True)
        requests += [self._renewal(place) for place in loose]
        sent_at = time.monotonic()
        if _stale(renew.decided_at):
            return
        outcome = self._requests.perform(requests)
        if loose:
            self._finish_loose(loose, anchored, renew.decided_at, sent_at)
        if outcome.refused or any(a.secondary or not a.leased for a in outcome.echoed):
            self._doubt = True  # no anchor to hang on: the next read removes what is not leased

    def fileno(self) -> int:
        """Readable when the kernel changed something."""
        return self._notifications.fileno()

    def read(self) -> list[KernelChanged | LinkChanged]:
        """Changes of VIPs and carriers that this process did not ask for; never blocks."""
        notices, lost = self._notifications.read(_NOTICES_PER_READ)
        doubt = self._doubt or lost or any(self._is_news(notice) for notice in notices)
        changes: list[KernelChanged | LinkChanged] = []
        if doubt or any(self._is_ours(notice.subject) for notice in notices):
            changes += self._read_links()
        if len(notices) == _NOTICES_PER_READ:
            self._doubt = doubt  # more is waiting: look when all of it has come
            return changes
        if doubt or self._doubt:
            self._doubt = False
            changes += self._audit()
        return changes

    def macs(self) -> tuple[str, ...]:
        """Link addresses of the topology interfaces."""
        return tuple(sorted({link.mac for link in self._layout.links.values()}))

    def warnings(self) -> tuple[str, ...]:
        """What an operator should know: settings changed, addresses that promotion kept."""
        return (*self._promotion.changes, *self._operators)

    # Where things go.

    @property
    def _lease_seconds(self) -> int:
        return self._layout.definitions.knobs.lease_ttl

    def _arrange(self, layout: Layout) -> None:
        self._layout = layout
        self._own = ipaddress.ip_address(layout.own_address).packed
        places = {vip: self._places[vip] for vip in self._held}
        for vip in layout.definitions.vips:
            place = layout.place(vip)
            if place is not None and place.packed != self._own:
                places[vip] = place
        self._places = places
        self._names = {(p.ifindex, p.packed): vip for vip, p in places.items()}

    def _placed(self, vips: Iterable[str]) -> tuple[list[Place], list[tuple[str, str]]]:
        places: list[Place] = []
        failed: list[tuple[str, str]] = []
        for vip in vips:
            if vip in self._places:
                places.append(self._places[vip])
            else:
                own = ipaddress.ip_address(vip).packed == self._own
                failed.append((vip, _OWN if own else _NOT_HERE))
        return places, failed

    def _anchorable(self, places: Iterable[Place]) -> dict[str, int]:
        """Interfaces of IPv4 places where promotion is off, with their numbers; read just now."""
        interfaces = {p.interface: p.ifindex for p in places if _ipv4(p)}
        return {n: i for n, i in interfaces.items() if self._promotion.switch_off(n)}

    def _is_loose(self, vip: str) -> bool:
        return vip not in self._lasting

    # What is asked of the kernel.

    def _anchors(self, anchored: dict[str, int], echo: bool = False) -> list[bytes]:
        seconds = self._lease_seconds
        return [new_address(leases.anchor(i, seconds), echo=echo) for i in anchored.values()]

    def _renewal(self, place: Place) -> bytes:
        return new_address(leases.lease(place.ifindex, place.packed, self._lease_seconds))

    @staticmethod
    def _deletion(place: Place) -> bytes:
        return delete_address(leases.lease(place.ifindex, place.packed))

    def _list(self) -> Listing:
        sizes = {4, *(len(place.packed) for place in self._places.values())}
        in_use = {place.interface for place in self._places.values() if _ipv4(place)}
        standings = []
        for name, link in self._layout.links.items():
            # Where it is not ours to change, it is only read.
            promotion = self._promotion
            off = promotion.switch_off(name) if name in in_use else promotion.is_off(name)
            for size in sorted(sizes):
                listed = self._requests.addresses(link.ifindex, _FAMILIES[size])
                standings.append(leases.judge(listed, anchored=off))
        return listing.sort(standings, self._names, self._own)

    def _add(
        self, places: list[Place], anchored: dict[str, int], decided_at: float
    ) -> tuple[list[Place], dict[str, str], bool]:
        """Add in pieces while the decision is fresh: what was added, refusals, too late for all.

        Each piece renews the anchors first: a VIP added while its anchor is gone would be a
        primary address without an end. Until it hangs on the anchor it has a lifetime as well.
        """
        anchors = self._anchors(anchored)
        until = time.monotonic() + _ADDING_SECONDS
        tried: list[Place] = []
        refused: dict[str, str] = {}
        for start in range(0, len(places), _PIECE):
            piece = places[start : start + _PIECE]
            requests = anchors + [self._renewal(place) for place in piece]
            if _stale(decided_at) or time.monotonic() > until:
                return tried, refused, True
            outcome = self._requests.perform(requests).refused
            if _stale(decided_at):
                self._delete([place for place in piece if place.address not in self._held])
                return tried, refused, True
            tried += piece
            self._held.update(place.address for place in piece)
            for position, place in enumerate(piece, len(anchors)):
                if position in outcome:
                    refused[place.address] = outcome[position]
        return tried, refused, False

    def _due(self, loose: list[Place]) -> list[Place]:
        """Which of those with a lifetime of their own to renew now: all, or the oldest.

        The kernel looks at every IPv6 address for each renewal, so many take turns: each comes
        within half a lease.
        """
        knobs = self._layout.definitions.knobs
        calls = knobs.lease_ttl / 2 / knobs.heartbeat_interval
        share = max(_LOOSE_AT_ONCE, math.ceil(len(loose) / calls))
        return sorted(loose, key=lambda place: self._renewed_at.get(place.address, 0.0))[:share]

    def _read_back(self, places: list[Place]) -> set[str]:
        """Which of them the kernel has under the lease; any that it has otherwise are deleted."""
        return self._clear().leased.keys() & {place.address for place in places}

    def _clear(self) -> Listing:
        """List, and delete what no lease would end: also what stands beside a held VIP."""
        found = self._list()
        for round_ in range(_DELETE_ROUNDS):
            beside = [a for vip, a in found.handmade.items() if vip in self._held]
            if not found.unleased and not beside:
                break
            # The first time in just this form: the VIP of our form serves on.
            exact = round_ == 0
            bare = [*found.unleased, *beside]
            self._requests.perform([delete_address(a, exact) for a in bare])
            found = self._list()
        return found

    def _make_lasting(self, added: list[Place], anchored: dict[str, int], sent_at: float) -> bool:
        """Take the lifetime off VIPs that hang on an anchor; False if the lease may have ended.

        Within the lease's time an existing address is changed; after it, one would be added anew.
        """
        over = sent_at + self._lease_seconds - _EARLY_SECONDS
        if time.monotonic() >= over:
            return False
        places = [place for place in added if _ipv4(place) and place.interface in anchored]
        if not places:
            return True
        anchors = self._anchors({p.interface: p.ifindex for p in places})
        lasting = [new_address(leases.lease(p.ifindex, p.packed, FOREVER)) for p in places]
        refused = self._requests.perform(anchors + lasting).refused
        if time.monotonic() >= over:
            return False
        for position, place in enumerate(places, len(anchors)):
            if position not in refused:
                self._lasting.add(place.address)
                self._renewed_at.pop(place.address, None)
        return True

    def _finish_loose(
        self, loose: list[Place], anchored: dict[str, int], decided_at: float, sent_at: float
    ) -> None:
        """Undo renewals that may have brought back what had ended; let go of lifetimes."""
        if _stale(decided_at):
            over = time.monotonic() - self._lease_seconds + _EARLY_SECONDS
            late = [p for p in loose if self._renewed_at.get(p.address, 0.0) < over]
            if late:
                self._requests.perform([self._deletion(place) for place in late])
                self._doubt = True
                return
        self._renewed_at.update((place.address, sent_at) for place in loose)
        if not self._make_lasting(loose, anchored, sent_at):
            self._requests.perform([self._deletion(place) for place in loose])
            self._doubt = True

    def _delete(self, places: list[Place]) -> None:
        """Delete and look, until none is left in any form; anchors without a VIP go first."""
        if not places:
            return
        busy = {self._places[vip].ifindex for vip in self._held}
        idle = {place.ifindex for place in places if _ipv4(place)} - busy
        requests = [delete_address(leases.anchor(index, 0)) for index in sorted(idle)]
        requests += [self._deletion(place) for place in places]
        for _ in range(_DELETE_ROUNDS):
            self._requests.perform(requests)
            left = self._list().of((place.address for place in places), self._names)
            if not left:
                return
            requests = [delete_address(address) for address in left]
        self._doubt = True

    def _forget(self, vips: Iterable[str]) -> None:
        for vip in vips:
            self._held.discard(vip)
            self._lasting.discard(vip)
            self._renewed_at.pop(vip, None)

    # What is heard from the kernel.

    def _is_news(self, notice: Notice) -> bool:
        subject = notice.subject
        if isinstance(subject, KernelLink):
            return False
        if subject.packed == leases.ANCHOR.packed:
            return notice.kind == RTM_DELADDR and bool(self._held)
        vip = self._names.get((subject.ifindex, subject.packed))
        if vip is None:
            return False
        if notice.kind == RTM_DELADDR or vip not in self._held:
            return (notice.kind == RTM_DELADDR) == (vip in self._held)
        hangs = len(subject.packed) == 4 and subject.secondary
        return not leases.has_our_form(subject) or not (subject.leased or hangs)

    def _is_ours(self, subject: KernelAddress | KernelLink) -> bool:
        return isinstance(subject, KernelLink) and subject.name in self._layout.links

    def _audit(self) -> list[KernelChanged]:
        """Compare with what the kernel lists; remove at once what no lease would end."""
        found = self._clear()
        gone, appeared = self._held - found.leased.keys(), found.vips - self._held
        self._forget(gone)
        self._held |= appeared & found.leased.keys()
        if not gone and not appeared:
            return []
        return [KernelChanged(tuple(sorted(gone)), tuple(sorted(appeared)))]

    def _read_links(self) -> list[LinkChanged]:
        links = {link.name: link for link in self._requests.links()}
        changes = []
        for name, known in self._layout.links.items():
            link = links.get(name)
            up = link is not None and link.up
            other = link is not None and link[:3] != known[:3]
            if up != self._up.get(name, True) or (up and other):  # clients know an old MAC
                self._up[name] = up
                changes.append(LinkChanged(name, up))
            self._doubt = self._doubt or other
        if self._doubt and self._layout.links.keys() <= links.keys():
            self._arrange(lay_out(self._node, self._layout.definitions, links.values()))
        return changes


def _ipv4(place: Place) -> bool:
    return len(place.packed) == 4


def _stale(decided_at: float) -> bool:
    return time.monotonic() - decided_at > DECISION_SECONDS
