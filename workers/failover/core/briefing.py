"""What a node's reporter tells managers of a machine: cheaper than the whole picture.

Only what this node holds and what stands in its way is listed, not every VIP that is defined; and
of what is held a few buckets that the reporter does not know, so that an answer takes little time.
"""

import math
from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from workers.failover.core.claims import BUCKETS, Claims
from workers.failover.core.evidence import refusals
from workers.failover.core.reports import PIECE_HOLDINGS, REFUSALS_MAX

if TYPE_CHECKING:
    from workers.failover.core.machine import Machine


def briefing(
    machine: "Machine", now: float, known: Sequence[int] = (), first: int = 0
) -> dict[str, Any]:
    """State, peers, troubles; what is held in some buckets of which another checksum is `known`.

    `first`: the bucket to begin with. `held`: VIP, epoch, age in seconds, reason, previous owner.
    """
    knobs, view, detector = machine.definitions.knobs, machine.view, machine.detector
    claimed = machine.holdings.claimed
    buckets, more = unknown(claimed, known, first)
    mine = (machine.holdings.held[vip] for vip in claimed.of(buckets))
    return {
        "incarnation": machine.voice.incarnation,
        "state": machine.state.value,
        "objection": machine.objection.value,
        "late": machine.late,
        "revision": machine.definitions.revision,
        "known_revision": machine.revisions.known,
        "members": view.members,
        "agreed": view.agreed(detector),
        "mature": view.mature(detector, knobs.view_mature_time, now),
        "peers": [(peer.name, peer.verdict.value) for peer in detector.peers.values()],
        "rings": [(ring.value, up) for ring, up in machine.rings.items()],
        "troubles": _troubles(machine),
        "cannot": list(islice(reversed(refusals(machine).items()), REFUSALS_MAX)),
        "refused": len(machine.refusals),
        "unhealthy": sorted(machine.unhealthy.items()),
        "count": len(claimed.table),
        "sums": claimed.sums,
        "buckets": buckets,
        "more": more,
        "held": [
            (held.vip, held.epoch, _age(held.since, now), held.reason.value, held.previous)
            for held in mine
        ],
    }


def asked(request: dict[str, Any]) -> tuple[Sequence[int], int]:
    """What a question says is known, and with which bucket to begin; without sense: nothing."""
    known, first = request.get("sums"), request.get("first")
    if not isinstance(known, list):
        known = ()
    if not isinstance(first, int) or not 0 <= first < BUCKETS:
        first = 0
    return known, first


def unknown(claims: Claims, known: Sequence[int], first: int) -> tuple[list[int], bool]:
    """Buckets whose checksum is not the known one, as many as fit a message; are there more?"""
    sums, room = claims.sums, PIECE_HOLDINGS
    found: list[int] = []
    for bucket in (*range(first, BUCKETS), *range(first)):
        if len(known) == BUCKETS and known[bucket] == sums[bucket]:
            continue
        room -= claims.size(bucket)
        if room < 0 and found:
            return found, True
        found.append(bucket)
    return found, False


def _troubles(machine: "Machine") -> list[tuple[str, str, str]]:
    """VIPs that somebody answers for who should not: (VIP, stuck or foreign, link address)."""
    found = []
    for vip, candidate in machine.takeover.candidates.items():
        if candidate.stuck:
            known = machine.detector.by_mac(candidate.stuck) is not None
            found.append((vip, "stuck" if known else "foreign", candidate.stuck))
    return found


def _age(at: float, now: float) -> float:
    return 0.0 if math.isinf(at) else round(now - at, 3)
