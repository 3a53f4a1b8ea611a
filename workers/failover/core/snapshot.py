"""A JSON-able picture of a machine, for the local door, tables and tests. Instants become ages."""

import math
from typing import TYPE_CHECKING, Any

from workers.failover.core.evidence import Evidence

if TYPE_CHECKING:
    from workers.failover.core.machine import Machine


def snapshot(machine: "Machine", now: float) -> dict[str, Any]:
    """What a node is, knows and holds; durations in seconds, None where never."""
    knobs = machine.definitions.knobs
    evidence = Evidence(machine)
    return {
        "node": machine.me,
        "incarnation": machine.voice.incarnation,
        "state": machine.state.value,
        "objection": machine.objection.value,
        "late": machine.late,
        "revision": machine.definitions.revision,
        "known_revision": machine.revisions.known,
        "heartbeats": dict(machine.hearings),
        "rings": {ring.value: up for ring, up in machine.rings.items()},
        "evidence_age": _age(machine.fencing.evidence_at(machine.detector), now),
        "view": {
            "members": list(machine.view.members),
            "hash": machine.view.hash,
            "agreed": machine.view.agreed(machine.detector),
            "mature": machine.view.mature(machine.detector, knobs.view_mature_time, now),
            "age": _age(machine.view.changed_at, now),
        },
        "peers": {p.name: _peer(p, now) for p in machine.detector.peers.values()},
        "vips": {vip: _vip(machine, evidence, vip, now) for vip in machine.definitions.vips},
    }


def holdings(machine: "Machine", now: float) -> dict[str, Any]:
    """The same in brief, with no other VIPs than those held here: cheap with thousands of them."""
    view = machine.view
    return {
        "node": machine.me,
        "incarnation": machine.voice.incarnation,
        "state": machine.state.value,
        "late": machine.late,
        "revision": machine.definitions.revision,
        "rings": {ring.value: up for ring, up in machine.rings.items()},
        "view": {"members": list(view.members), "agreed": view.agreed(machine.detector)},
        "vips": {
            held.vip: {
                "owner": machine.me,
                "epoch": held.epoch,
                "since": _age(held.since, now),
                "reason": held.reason.value,
            }
            for held in machine.holdings.held.values()
        },
    }


def _age(at: float, now: float) -> float | None:
    return None if math.isinf(at) else round(now - at, 3)


def _peer(peer: Any, now: float) -> dict[str, Any]:
    return {
        "verdict": peer.verdict.value,
        "state": peer.state.value,
        "incarnation": peer.incarnation,
        "revision": peer.revision,
        "heard_age": _age(peer.heard_at, now),
        "hears_me_age": _age(peer.hears_me_at, now),
        "late": peer.late,
        "vips": len(peer.claims),
    }


def _vip(machine: "Machine", evidence: Evidence, vip: str, now: float) -> dict[str, Any]:
    state, cause, sentence = evidence.standing(vip)
    held = machine.holdings.held.get(vip)
    candidate = machine.takeover.candidates.get(vip)
    epoch, owner = machine.ownership.owners.get(vip, (0, ""))
    picture: dict[str, Any] = {
        "owner": machine.me if held else owner,
        "epoch": held.epoch if held else epoch,
        "target": machine.ownership.targets.get(vip, ""),
        "since": _age(held.since, now) if held else None,
        "reason": held.reason.value if held else "",
        "previous": held.previous if held else "",
        "state": state.value,
        "cause": cause.value,
        "note": sentence,
    }
    if candidate is not None:
        picture["taking"] = {"answered_by": candidate.answered_by, "silent": candidate.silent}
    return picture
