"""What a node's reporter tells managers of a machine: cheaper than the whole picture.

Only what this node holds and what stands in its way is listed, not every VIP that is defined; and
what is held only for those who know another state of it.
"""

import math
from typing import TYPE_CHECKING, Any

from workers.failover.core.evidence import refusals

if TYPE_CHECKING:
    from workers.failover.core.machine import Machine


def briefing(machine: "Machine", now: float, known_digest: int | None) -> dict[str, Any]:
    """State, peers, troubles; what is held unless its `digest` is the known one.

    `held`: VIP, epoch, age in seconds, reason, previous owner.
    """
    knobs, view, detector = machine.definitions.knobs, machine.view, machine.detector
    digest = machine.holdings.digest
    brief: dict[str, Any] = {
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
        "cannot": sorted(refusals(machine).items()),
        "unhealthy": sorted(machine.unhealthy.items()),
        "digest": digest,
    }
    if digest != known_digest:
        brief["held"] = [
            (held.vip, held.epoch, _age(held.since, now), held.reason.value, held.previous)
            for held in machine.holdings.held.values()
        ]
    return brief


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
