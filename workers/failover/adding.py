"""Puts many VIPs on the kernel, in pieces that each take some milliseconds.

Invariant: no VIP is without an end for a moment in which nothing would end it. Each piece renews
the anchors first and adds with a lifetime; what the kernel then shows hanging on a live anchor is
made lasting. What it shows otherwise is told, and the caller removes it.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from workers.failover import leases
from workers.failover.core.actions import DECISION_SECONDS
from workers.failover.kept import EARLY_SECONDS
from workers.failover.layout import Place
from workers.failover.netlink import FOREVER, Requests, new_address

ADDING_SECONDS = 0.025
"""No further piece is begun in one call that would end after this."""
_PIECE_SECONDS = 0.008
_MOST = 128
_FIRST = {4: _MOST, 16: 16}
"""VIPs in the first piece, by size of address: the kernel looks at all IPv6 leases for each."""


@dataclass(slots=True)
class Added:
    """What became of an addition; VIPs by address."""

    tried: list[Place] = field(default_factory=list)
    held: set[str] = field(default_factory=set)
    """Shown by the kernel under the lease."""
    lasting: set[str] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)
    undo: list[Place] = field(default_factory=list)
    """Added by a decision that had grown old."""
    unclear: bool = False
    """Not all of `tried` was shown as it should be, or at all: list it."""
    stale: bool = False
    """Some did not get their turn, or too late."""
    expired: bool = False
    """The lease may have ended meanwhile: nothing of it can be relied upon."""


class Adder:
    """Adds pieces through one netlink socket, and learns how large they may be."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self._sizes = dict(_FIRST)

    def add(
        self, places: list[Place], anchored: Mapping[str, int], seconds: int, decided_at: float
    ) -> Added:
        """Add what there is time for; `anchored`: interfaces (and numbers) with promotion off."""
        began = time.monotonic()
        added = self._add_pieces(places, anchored, seconds, decided_at)
        if added.tried and time.monotonic() >= began + seconds - EARLY_SECONDS:
            added.expired = True  # it stood still between two pieces
        return added

    def _add_pieces(
        self, places: list[Place], anchored: Mapping[str, int], seconds: int, decided_at: float
    ) -> Added:
        added = Added()
        began = time.monotonic()
        for size in (4, 16):
            waiting = [place for place in places if len(place.packed) == size]
            while waiting:
                now, due = time.monotonic(), began + ADDING_SECONDS
                late = bool(added.tried) and now + _PIECE_SECONDS > due
                if late or now > due or is_stale(decided_at):
                    added.stale = True
                    return added
                piece, waiting = waiting[: self._sizes[size]], waiting[self._sizes[size] :]
                self._add_piece(piece, anchored, seconds, decided_at, added)
                if added.stale or added.expired:
                    return added
                self._learn(size, len(piece), time.monotonic() - now)
        return added

    def make_lasting(
        self, places: list[Place], anchored: Mapping[str, int], seconds: int, sent_at: float
    ) -> set[str] | None:
        """Take the lifetime off VIPs that hang on an anchor; None if the lease may have ended.

        Within the lease's time an existing address is changed; after it, one would be added anew.
        """
        over = sent_at + seconds - EARLY_SECONDS
        if time.monotonic() >= over:
            return None
        places = [place for place in places if place.interface in anchored]
        places = [place for place in places if len(place.packed) == 4]
        if not places:
            return set()
        anchors = anchor_requests({p.interface: p.ifindex for p in places}, seconds)
        lasting = [new_address(leases.lease(p.ifindex, p.packed, FOREVER)) for p in places]
        refused = self._requests.perform(anchors + lasting).refused
        if time.monotonic() >= over:
            return None
        first = len(anchors)
        return {p.address for position, p in enumerate(places, first) if position not in refused}

    def _add_piece(
        self,
        piece: list[Place],
        anchored: Mapping[str, int],
        seconds: int,
        decided_at: float,
        added: Added,
    ) -> None:
        requests = anchor_requests(anchored, seconds)
        first = len(requests)
        for place in piece:
            wanted = leases.lease(place.ifindex, place.packed, seconds)
            requests.append(new_address(wanted, echo=len(place.packed) == 4))
        sent_at = time.monotonic()
        outcome = self._requests.perform(requests)
        if is_stale(decided_at):
            added.undo, added.stale = piece, True
            return
        shown = {(a.ifindex, a.packed): a for a in outcome.echoed}
        safe = {a.ifindex for a in outcome.echoed if leases.is_anchor(a)}
        added.tried += piece
        held: list[Place] = []
        for position, place in enumerate(piece, first):
            seen = shown.get((place.ifindex, place.packed))
            if position in outcome.refused:
                added.refused[place.address] = outcome.refused[position]
            elif seen is not None and leases.has_our_form(seen):
                hangs = place.interface in anchored
                if leases.holds(seen, place.ifindex in safe, hangs):
                    held.append(place)
        added.held.update(place.address for place in held)
        added.unclear = added.unclear or len(held) < len(piece)
        lasting = self.make_lasting(held, anchored, seconds, sent_at)
        added.expired = lasting is None
        added.lasting |= lasting or set()

    def _learn(self, size: int, count: int, took: float) -> None:
        if took > _PIECE_SECONDS:
            self._sizes[size] = max(8, count // 2)
        elif took < _PIECE_SECONDS / 3 and count == self._sizes[size]:
            self._sizes[size] = min(_MOST, 2 * count)


def anchor_requests(anchored: Mapping[str, int], seconds: int) -> list[bytes]:
    """Renewals of the anchors, each shown as the kernel then has it."""
    return [new_address(leases.anchor(index, seconds), echo=True) for index in anchored.values()]


def is_stale(decided_at: float) -> bool:
    """A decision that is to be made again."""
    return time.monotonic() - decided_at > DECISION_SECONDS
