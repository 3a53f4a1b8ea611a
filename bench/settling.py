"""Waiting until a lab is well: every VIP in its place, one agreed and mature view, mail flowing.

A run that starts earlier would measure the moves of balancing, not its fault.
"""

import time
from typing import Any

from bench.errors import BenchError
from workers.lab.health import Health, look, missing
from workers.lab.lab import Lab

LOOK_SECONDS = 0.3
SETTLE_SECONDS = 120.0


def settle(lab: Lab, *, mature: bool = True, seconds: float = SETTLE_SECONDS) -> float:
    """Wait; answers how many seconds it took. BenchError says what was still missing at the end."""
    started = time.monotonic()
    while wanting := _wanting(lab, mature):
        if time.monotonic() > started + seconds:
            raise BenchError(f"the lab is not well after {seconds:.0f} s: {'; '.join(wanting)}")
        time.sleep(LOOK_SECONDS)
    return time.monotonic() - started


def _wanting(lab: Lab, mature: bool) -> list[str]:
    health = look(lab.record)
    return missing(lab.record, health) or unsettled(lab, health, mature=mature)


def unsettled(lab: Lab, health: Health, *, mature: bool) -> list[str]:
    """What of the views says that VIPs will move."""
    found = []
    for name, agent in health.agents.items():
        view: dict[str, Any] = (agent or {}).get("view", {})
        if len(view.get("members", ())) != len(lab.nodes) or not view.get("agreed"):
            found.append(f"{name} sees {', '.join(view.get('members', ()))} only")
        elif mature and not view.get("mature"):
            found.append(f"the view of {name} is not mature")
        vips: dict[str, dict[str, Any]] = (agent or {}).get("vips", {})
        moving = [v for v, p in vips.items() if p.get("target") not in ("", None, p.get("owner"))]
        if moving:
            found.append(f"{', '.join(moving)} will move")
    return found


def holders(lab: Lab) -> dict[str, tuple[str, ...]]:
    """Node -> the VIPs that it alone says it holds."""
    health = look(lab.record)
    held: dict[str, list[str]] = {node: [] for node in lab.nodes}
    for vip in lab.vips:
        for holding in health.holders(vip):
            held[holding.node].append(vip)
    return {node: tuple(vips) for node, vips in held.items()}
