"""Puts VIPs on this node's interfaces under a kernel lease, renews it, takes them off, and watches.

Invariant: whatever this process does or fails to do, a VIP it added is gone at the latest when the
lease ends. What the kernel shows is the truth: every addition is read back. Whether a VIP should
be here is decided by the core; each call acts on a decision of that moment and undoes what took
too long. What a hand does against the plan is put right, and told.
"""

import math
import time
from collections.abc import Iterable, Mapping

from workers.failover import capability, leases
from workers.failover.adding import Added, Adder, anchor_requests, is_stale
from workers.failover.core.actions import DECISION_SECONDS, Fact, Reason, Renew, Take
from workers.failover.core.definitions import Definitions
from workers.failover.core.events import KernelChanged, LinkChanged, Started, Taken
from workers.failover.errors import PlumberError
from workers.failover.inspection import Inspection
from workers.failover.kept import EARLY_SECONDS, Kept, restore_seconds
from workers.failover.layout import Layout, Place, lay_out
from workers.failover.listing import Listing
from workers.failover.netlink import (
    RTM_DELADDR,
    KernelAddress,
    KernelLink,
    Notice,
    Notifications,
    Requests,
    delete_address,
    new_address,
)
from workers.failover.places import arrange

_NOTICES_PER_READ = 4096
_DELETE_ROUNDS = 3
_TAKE_AT_ONCE = 2048
"""There is no time for more in one call."""
_LEAVE_SECONDS = 0.03
"""No further piece is deleted in one call after this."""
_LEAVE_PIECE = 128
_SMALL = 1500
"""So many addresses the kernel deletes with their anchor, or lists, within a few milliseconds."""
_LOOSE_AT_ONCE = 64
"""Single leases renewed in one call even if fewer would do."""
_SLOW_LOOKS_TOLD = 3
"""One may come of a machine that was busy just then; so many in a row do not."""
_SLOW_LOOKS = (
    "listing this node's addresses takes too long for the VIPs with a lease of their own (all IPv6)"
    " to be renewed: they come and go; define fewer of them, or use more nodes"
)
_NOT_LEASED = "the kernel did not put it under the lease, so it was removed"


class Plumber:
    """The addresses of one node. Not thread-safe; one per process and network namespace."""

    def __init__(self, node: str, definitions: Definitions) -> None:
        if not capability.has(capability.Capability.NET_ADMIN):
            raise PlumberError("addresses cannot be changed without CAP_NET_ADMIN; run as root")
        self._node = node
        self._requests = Requests()
        self._notifications = Notifications(self._requests.port)
        self._adder = Adder(self._requests)
        self._kept = Kept()
        self._inspection = Inspection(self._requests, self._kept)
        self._interfaces: dict[str, int] | None = None
        """Of what is held; None: to be worked out anew."""
        self._leaving: dict[str, Place] = {}
        """Released, and not yet deleted."""
        self._doubt = False
        """The kernel may differ from what is kept: list it at the next read."""
        self._slow_looks = 0
        """Renewals in a row that were too late once the kernel had been looked at."""
        self._longer = 0
        """Seconds of a lease that is longer than usual."""
        try:
            layout = lay_out(node, definitions, self._requests.links())
        except PlumberError:
            self.close()
            raise
        self._up = dict.fromkeys(layout.links, True)
        self._arrange(layout, {})

    def close(self) -> None:
        """Delete what was released; what else is on the kernel stays until its lease ends."""
        while self.leave():
            continue
        self._requests.close()
        self._notifications.close()

    def open(self) -> Started:
        """Remove what is ours but not leased or not defined; tell what lives under a live lease.

        The next `read` tells which interfaces have no carrier.
        """
        self._kept.held = set(self._inspection.look(self._at).leased)
        leased = self._clear().leased
        self._kept.held, self._interfaces = set(leased), None
        self._kept.lasting = {vip for vip, address in leased.items() if not address.leased}
        self._doubt = True
        return Started(tuple(vip for vip in self._at.of if vip in self._kept.held))

    def redefine(self, definitions: Definitions) -> None:
        """Follow new definitions; InterfaceError, and nothing changed, when they do not fit here.

        A held VIP that is no longer defined stays until it is released; one that belongs to
        another interface now is removed, and the next `read` says so.
        """
        layout = lay_out(self._node, definitions, self._requests.links())
        held = self._held_places()
        self._arrange(layout, held)
        moved = [p for vip, p in held.items() if self._at.of[vip].ifindex != p.ifindex]
        self._requests.perform([self._deletion(place) for place in moved])
        self._doubt = True

    def take(self, take: Take) -> Taken:
        """Add VIPs under the lease; the answer is what the kernel shows afterwards.

        What did not get its turn in time is left out of the answer, which is then `stale`.
        """
        places, failed = self._at.find(take.vips[:_TAKE_AT_ONCE])
        anchored = self._anchorable(places)
        began = time.monotonic()
        added = self._adder.add(places, anchored, self._lease_seconds, take.decided_at)
        for place in (*added.tried, *added.undo):
            self._leaving.pop(place.address, None)
        fresh = [p for p in (*added.tried, *added.undo) if p.address not in self._kept.held]
        if added.tried:
            self._kept.renew(began, self._lease_seconds)
        self._kept.held.update(place.address for place in added.tried)
        self._interfaces = None
        if not added.expired:
            self._delete([place for place in added.undo if place in fresh])
            self._keep(added, began)
            over = began + self._lease_seconds - EARLY_SECONDS
            added.expired = bool(added.tried) and time.monotonic() >= over
        if added.expired:
            self._forget(place.address for place in fresh)
            self._delete(places)
            self._doubt = True  # what was held before is gone as well: the next read tells
            return Taken((), stale=True)
        for place in added.tried:
            if place.address not in added.held:
                failed.append((place.address, added.refused.get(place.address, _NOT_LEASED)))
        done = tuple(p.address for p in added.tried if p.address in added.held)
        stale = added.stale or len(take.vips) > _TAKE_AT_ONCE
        return Taken(done, tuple(failed), stale)

    def release(self, vips: Iterable[str]) -> None:
        """Delete VIPs at once, whoever put them there, and an anchor that has no VIP left.

        Of thousands some may be left; call `leave` in the next turns of the loop while it is true.
        """
        places = [self._at.of[vip] for vip in vips if vip in self._at.of]
        self._forget(place.address for place in places)
        self._delete(places)

    def leave(self) -> bool:
        """Delete the next of what was released, a piece at least; whether there is more."""
        if not self._leaving:
            return False
        began = time.monotonic()
        places = list(self._leaving.values())
        self._requests.perform(self._idle_anchors(places))
        for start in range(0, len(places), _LEAVE_PIECE):
            if start and time.monotonic() - began > _LEAVE_SECONDS:
                return True
            piece = places[start : start + _LEAVE_PIECE]
            self._requests.perform([self._deletion(place) for place in piece])
            for place in piece:
                del self._leaving[place.address]
        self._requests.perform(self._idle_anchors(places))
        self._verify(places)
        return False

    def renew(self, renew: Renew) -> None:
        """Renew the lease of what is held; what the kernel no longer has does not come back."""
        held = self._kept.held
        vips = held if len(renew.vips) == len(held) else held.intersection(renew.vips)
        interfaces = self._interfaces_of(vips)
        anchored = {n: i for n, i in interfaces.items() if self._inspection.switch_off_promotion(n)}
        if len(anchored) < len(interfaces):
            self._kept.lasting -= {v for v in vips if self._at.of[v].interface not in anchored}
        self._longer = renew.lease_seconds
        if is_stale(renew.decided_at):
            return
        if anchored:
            self._renew_anchors(anchored)
        if len(self._kept.lasting) < len(held) and (loose := vips - self._kept.lasting):
            self._renew_loose([self._at.of[vip] for vip in loose], anchored, renew)

    def fileno(self) -> int:
        """Readable when the kernel changed something."""
        return self._notifications.fileno()

    @property
    def holding(self) -> bool:
        """Whether the kernel has any VIP, as far as is known."""
        return bool(self._kept.held)

    @property
    def leaving(self) -> bool:
        """Whether something released is still to be deleted: call `leave`."""
        return bool(self._leaving)

    def has(self, vip: str) -> bool:
        """Whether the kernel has a VIP, as far as is known at this moment."""
        return vip in self._kept.held or vip in self._leaving

    def audit(self) -> None:
        """Compare all that the kernel lists with the plan at the next `read`."""
        self._doubt = True

    def read(self) -> list[KernelChanged | LinkChanged]:
        """Changes of VIPs and carriers that this process did not ask for; never blocks.

        What a hand did is put right before it is told: call it often, for a VIP that was deleted
        can be put back only if it was looked for just before.
        """
        began = time.monotonic()
        notices, lost = self._notifications.read(_NOTICES_PER_READ)
        doubt = self._doubt or lost or any(self._is_news(notice) for notice in notices)
        changes: list[KernelChanged | LinkChanged] = []
        if doubt or any(self._is_ours(notice.subject) for notice in notices):
            changes += self._read_links()
        if len(notices) >= _NOTICES_PER_READ:
            self._doubt = doubt  # more is waiting: look when all of it has come
            return changes
        if doubt or self._doubt:
            self._doubt = False
            changes += self._audit()
        if not lost:
            self._kept.clear_at = began
        return changes

    def quiet(self) -> bool:
        """Whether there is nothing to `read` or to tell; then that is noted, as `read` does."""
        began = time.monotonic()
        if self._doubt or self._inspection.findings.waiting or self._notifications.waiting():
            return False
        self._kept.clear_at = began
        return True

    def facts(self) -> list[Fact]:
        """What was put right since the last call."""
        return self._inspection.findings.take()

    def macs(self) -> tuple[str, ...]:
        """Link addresses of the topology interfaces."""
        return tuple(sorted({link.mac for link in self._at.layout.links.values()}))

    def warnings(self) -> tuple[str, ...]:
        """What an operator should know: see `Inspection.warnings`; and leases that run out."""
        slow = (_SLOW_LOOKS,) if self._slow_looks >= _SLOW_LOOKS_TOLD else ()
        return (*slow, *self._inspection.warnings())

    # Where things go.

    @property
    def _lease_seconds(self) -> int:
        return max(self._at.layout.definitions.knobs.lease_ttl, self._longer)

    def _arrange(self, layout: Layout, held: Mapping[str, Place]) -> None:
        self._at, self._interfaces = arrange(layout, held), None

    def _clear(self, sizes: Iterable[int] = ()) -> Listing:
        return self._inspection.clear(self._at, self._leaving, sizes)

    def _held_places(self) -> dict[str, Place]:
        return {vip: self._at.of[vip] for vip in self._kept.held}

    def _interfaces_of(self, vips: set[str]) -> dict[str, int]:
        """Interfaces, with their numbers, that have IPv4 VIPs of these."""
        if vips is not self._kept.held:
            return {p.interface: p.ifindex for v in vips if _ipv4(p := self._at.of[v])}
        if self._interfaces is None:  # of thousands it is not worked out at each renewal
            self._interfaces = {p.interface: p.ifindex for v in vips if _ipv4(p := self._at.of[v])}
        return self._interfaces

    def _anchorable(self, places: Iterable[Place]) -> dict[str, int]:
        """Interfaces of IPv4 places where promotion is off, with their numbers; read just now."""
        interfaces = {p.interface: p.ifindex for p in places if _ipv4(p)}
        return {n: i for n, i in interfaces.items() if self._inspection.switch_off_promotion(n)}

    # What is asked of the kernel.

    def _renewal(self, place: Place) -> bytes:
        return new_address(leases.lease(place.ifindex, place.packed, self._lease_seconds))

    @staticmethod
    def _deletion(place: Place) -> bytes:
        return delete_address(leases.lease(place.ifindex, place.packed))

    def _keep(self, added: Added, began: float) -> None:
        """Note what was added; remove at once what the kernel shows otherwise than it should."""
        self._kept.lasting |= added.lasting
        for vip in added.lasting:
            self._kept.renewed_at.pop(vip, None)
        if added.unclear:
            whole = any(_ipv4(p) and p.address not in added.held for p in added.tried)
            leased = self._clear(() if whole else (16,)).leased
            added.held |= {p.address for p in added.tried if p.address in leased}
        self._forget(p.address for p in added.tried if p.address not in added.held)
        loose = added.held - self._kept.lasting
        self._kept.renewed_at.update(dict.fromkeys(loose, began))

    def _renew_anchors(self, anchored: dict[str, int]) -> None:
        """What hangs on them needs no more, however long the rest takes."""
        self._kept.renew(time.monotonic(), self._lease_seconds)
        outcome = self._requests.perform(anchor_requests(anchored, self._lease_seconds))
        if outcome.refused or any(a.secondary or not a.leased for a in outcome.echoed):
            self._doubt = True  # no anchor to hang on: the next read removes what is not leased

    def _renew_loose(self, loose: list[Place], anchored: dict[str, int], renew: Renew) -> None:
        """Those with a lifetime of their own, as far as the kernel still has them."""
        ours = self._inspection.look(self._at, {len(place.packed) for place in loose}).ours
        loose = [place for place in loose if (place.ifindex, place.packed) in ours]
        loose = loose if renew.lease_seconds else self._due(loose)
        requests = [self._renewal(place) for place in loose]
        sent_at = time.monotonic()
        self._slow_looks = self._slow_looks + 1 if is_stale(renew.decided_at) else 0
        if self._slow_looks or not loose:
            return
        self._kept.renew(sent_at, self._lease_seconds)
        if self._requests.perform(requests).refused:
            self._doubt = True
        self._finish_loose(loose, anchored, renew.decided_at, sent_at)

    def _due(self, loose: list[Place]) -> list[Place]:
        """Which of those with a lifetime of their own to renew now: all, or the oldest.

        The kernel looks at every IPv6 address for each renewal, so many take turns: each comes
        within half a lease.
        """
        knobs = self._at.layout.definitions.knobs
        calls = knobs.lease_ttl / 2 / knobs.heartbeat_interval
        share = max(_LOOSE_AT_ONCE, math.ceil(len(loose) / calls))
        renewed_at = self._kept.renewed_at
        return sorted(loose, key=lambda place: renewed_at.get(place.address, 0.0))[:share]

    def _finish_loose(
        self, loose: list[Place], anchored: dict[str, int], decided_at: float, sent_at: float
    ) -> None:
        """Undo renewals that may have brought back what had ended; let go of lifetimes."""
        renewed_at = self._kept.renewed_at
        if is_stale(decided_at):
            over = time.monotonic() - self._lease_seconds + EARLY_SECONDS
            late = [p for p in loose if renewed_at.get(p.address, 0.0) < over]
            if late:
                self._requests.perform([self._deletion(place) for place in late])
                self._doubt = True
                return
        renewed_at.update((place.address, sent_at) for place in loose)
        lasting = self._adder.make_lasting(loose, anchored, self._lease_seconds, sent_at)
        if lasting is None:
            self._requests.perform([self._deletion(place) for place in loose])
            self._doubt = True
            return
        self._kept.lasting |= lasting
        for vip in lasting:
            renewed_at.pop(vip, None)

    def _delete(self, places: list[Place]) -> None:
        """Delete as much of it as there is time for, in whatever form it stands."""
        newest = {place.address: place for place in places}
        self._leaving = newest | {v: p for v, p in self._leaving.items() if v not in newest}
        self.leave()

    def _idle_anchors(self, places: list[Place]) -> list[bytes]:
        """Deletions of anchors without a held VIP; not while thousands hang on them."""
        if len(self._leaving) > _SMALL:
            return []
        idle = [
            index
            for index in sorted({place.ifindex for place in places if _ipv4(place)})
            if all(self._at.of[vip].ifindex != index for vip in self._kept.held)
        ]
        return [delete_address(leases.anchor(index, 0)) for index in idle]

    def _verify(self, places: list[Place]) -> None:
        """Look, and delete, until none of them is left in any form."""
        if len(self._kept.held) > _SMALL:
            self._doubt = True  # the next read looks
            return
        vips = [place.address for place in places]
        for _ in range(_DELETE_ROUNDS):
            left = self._inspection.look(self._at).of(vips, self._at.names)
            if not left:
                return
            self._requests.perform([delete_address(address) for address in left])
        self._doubt = True

    def _forget(self, vips: Iterable[str]) -> None:
        self._kept.forget(tuple(vips))
        self._interfaces = None

    # What is heard from the kernel.

    def _is_news(self, notice: Notice) -> bool:
        subject = notice.subject
        if isinstance(subject, KernelLink):
            return False
        if subject.packed == leases.ANCHOR.packed:
            return notice.kind == RTM_DELADDR and bool(self._kept.held)
        vip = self._at.names.placed.get((subject.ifindex, subject.packed))
        if vip is None:
            return notice.kind != RTM_DELADDR and self._is_stray(subject)
        if notice.kind == RTM_DELADDR or vip not in self._kept.held:
            return (notice.kind == RTM_DELADDR) == (vip in self._kept.held)
        hangs = len(subject.packed) == 4 and subject.secondary
        return not leases.has_our_form(subject) or not (subject.leased or hangs)

    def _is_stray(self, subject: KernelAddress) -> bool:
        """A VIP where it does not belong, or no VIP, but in our form on one of our interfaces."""
        if subject.packed == self._at.names.own:
            return False
        ours = len(subject.packed) == 4 and leases.has_our_form(subject)
        return subject.packed in self._at.names.defined or (
            ours and subject.ifindex in self._at.links
        )

    def _is_ours(self, subject: KernelAddress | KernelLink) -> bool:
        return isinstance(subject, KernelLink) and subject.name in self._at.layout.links

    def _audit(self) -> list[KernelChanged]:
        """Compare with what the kernel lists; put right what can be, tell what is gone."""
        found = self._clear()
        gone = self._kept.held - found.leased.keys()
        if gone:
            gone -= self._put_back(gone, found)
            self._forget(gone)
        return [KernelChanged(tuple(sorted(gone)))] if gone else []

    def _put_back(self, gone: set[str], found: Listing) -> set[str]:
        """Add again what a hand deleted just now, as far as nobody else can have taken it."""
        now, knobs = time.monotonic(), self._at.layout.definitions.knobs
        places = [
            place
            for vip in gone
            if (place := self._at.of[vip]).ifindex in self._at.links
            and self._up.get(place.interface, False)
            and (vip not in self._kept.lasting or place.ifindex in found.anchors)
            and self._kept.restorable(vip, now, knobs)
        ]
        if not places:
            return set()
        decided_at = self._kept.clear_at + restore_seconds(knobs) - DECISION_SECONDS
        anchored = self._anchorable(places)
        added = self._adder.add(places, anchored, self._lease_seconds, decided_at)
        self._requests.perform([self._deletion(place) for place in added.undo])
        if added.expired:
            self._requests.perform([self._deletion(place) for place in added.tried])
            added.held.clear()
        self._keep(added, now)
        self._kept.restored(added.held, now)
        for vip in sorted(added.held):
            self._inspection.findings.tell(Reason.HAND_DELETED, now, vip=vip)
        return added.held

    def _read_links(self) -> list[LinkChanged]:
        links = {link.name: link for link in self._requests.links()}
        changes = []
        moved = False
        for name, known in self._at.layout.links.items():
            link = links.get(name)
            up = link is not None and link.up
            other = link is not None and link[:3] != known[:3]
            if up != self._up.get(name, True) or (up and other):  # clients know an old MAC
                self._up[name] = up
                changes.append(LinkChanged(name, up))
            moved = moved or other
        self._doubt = self._doubt or moved
        if moved and self._at.layout.links.keys() <= links.keys():
            layout = lay_out(self._node, self._at.layout.definitions, links.values())
            self._arrange(layout, self._held_places())
        return changes


def _ipv4(place: Place) -> bool:
    return len(place.packed) == 4
