"""Health checks that fail, recover and flap on one node, several or all of them.

A check that counts as failed moves its VIPs like any planned move; one that fails everywhere moves
nothing for long. A flapping one is damped: what moves moves seldom.
"""

from __future__ import annotations

from dataclasses import replace

from tests.simulation.draft import Draft
from tests.simulation.plan import Bounds, Plan
from workers.failover.core.definitions import Knobs

NEVER = NONE = 0.0
DEATH = 0.6 + 0.1 + 0.13
"""dead_after + 100 ms, and one round of probes: who is well enough changes at that very moment."""
CHECKS = ("tcp:25", "smtp:2525")


def check_some(draft: Draft) -> None:
    """Let VIPs name health checks: most of them, and at least one."""
    vips = draft.plan.definitions.vips
    for vip in draft.vips:
        check = draft.rng.choice((*CHECKS, ""))
        if check or vip == draft.vips[0]:
            vips[vip] = replace(vips[vip], check=check or CHECKS[0])


def checking() -> Knobs:
    """Checks run often and few failures count, so that schedules are short."""
    return Knobs(view_mature_time=1.0, balance_interval=2.0, check_interval=0.4, check_fall=2,
                 flap_limit=1.0)  # fmt: skip


def health(seed: int) -> Plan:
    """Checks fail and recover: here, there, everywhere, in turn, and again and again."""
    draft = Draft("health", seed, Bounds(NONE, NEVER), nodes=(2, 5), knobs=checking())
    draft.at += 1.0
    check_some(draft)
    SHAPES[draft.rng.randrange(len(SHAPES))](draft)
    return draft.finish(rest=8.0)


def sick_death(seed: int) -> Plan:
    """A check fails everywhere, and a node dies: its VIPs are served all the same."""
    bounds = Bounds(DEATH, NEVER)
    draft = Draft("sick-death", seed, bounds, nodes=(2, 5), knobs=checking())
    draft.at += 1.0
    check_some(draft)
    seconds = draft.between(3.0, 5.0)
    for check in CHECKS:
        draft.fault(draft.at, seconds, "sicken", "cure", " ".join(draft.names), check)
    draft.step(draft.at + draft.between(1.3, 2.5), "power_loss", draft.pick())
    return draft.finish(rest=8.0)


def _sick(draft: Draft, at: float, seconds: float, names: list[str]) -> None:
    for check in CHECKS if draft.chance(0.3) else (draft.rng.choice(CHECKS),):
        draft.fault(at, seconds, "sicken", "cure", " ".join(names), check)


def _some(draft: Draft) -> None:
    """On some nodes, for good or for a while."""
    draft.plan.placed = True
    names = draft.some(1, len(draft.names) - 1)
    if draft.chance(0.4):
        draft.step(draft.at, "sicken", " ".join(names), CHECKS[0])
    else:
        _sick(draft, draft.at, draft.between(0.1, 4.0), names)


def _everywhere(draft: Draft) -> None:
    """On all nodes, together or in turn."""
    seconds, together = draft.between(0.5, 4.0), draft.chance(0.5)
    at = draft.at
    for name in draft.names:
        draft.fault(at, seconds, "sicken", "cure", name, CHECKS[0])
        at += 0.0 if together else draft.between(0.0, 1.5)


def _flapping(draft: Draft) -> None:
    """Good and bad by turns, in any rhythm."""
    name, at = draft.pick(), draft.at
    for _ in range(draft.rng.randint(3, 8)):
        seconds = draft.between(0.3, 1.5)
        draft.fault(at, seconds, "sicken", "cure", name, CHECKS[0])
        at += seconds + draft.between(0.1, 2.5)


def _and_drain(draft: Draft) -> None:
    """While nodes drain."""
    _sick(draft, draft.at, draft.between(0.5, 4.0), draft.some())
    at = draft.at + draft.between(-0.5, 2.0)
    draft.step(at, "set_state", draft.pick(), " ".join(draft.some()), "draining")


def _and_death(draft: Draft) -> None:
    """While a node dies."""
    draft.plan.bounds = Bounds(DEATH, NEVER)
    names = draft.names if draft.chance(0.7) else draft.some()
    draft.fault(draft.at, draft.between(3.0, 5.0), "sicken", "cure", " ".join(names), CHECKS[0])
    if draft.chance(0.3):
        _sick(draft, draft.at, draft.between(0.5, 4.0), draft.some())
    victim = draft.pick()
    at = draft.at + draft.between(0.3, 3.0)
    if draft.chance(0.6):
        draft.step(at, "power_loss", victim)
    else:
        draft.fault(at, draft.between(0.3, 3.0), "cut_port", "mend_port", victim)


SHAPES = (_some, _some, _everywhere, _flapping, _and_drain, _and_death, _and_death)
