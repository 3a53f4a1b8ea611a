"""Drains: nodes give their VIPs away on demand, alone or many, while other things go wrong.

A drain is a handoff, so its gap is that of every planned move; an heir that dies between arming and
taking costs its detection on top. No drain may ever cost two owners, nor service when no node is
left that is enabled: what nobody else may take stays, and who drains too takes what has no owner.
"""

from __future__ import annotations

from tests.simulation.draft import Draft
from tests.simulation.plan import Bounds, Plan

HEIR_DIES = 0.6 + 0.2
"""dead_after, and another's taking."""
DEATH = 0.6 + 0.1 + 0.13
"""dead_after + 100 ms at the default knobs, and one round of probes: the heir of a node that died
may be told to drain at that very moment, and another begins anew."""
NEVER = NONE = 0.0
RETAKEN = 1.0 + 0.2 + 0.3
"""An heir that stands still or restarts after arming: `handoff_timeout`, an interval, probes."""


def drain(seed: int) -> Plan:
    """One, several or all nodes drain, some come back; often something else happens meanwhile."""
    draft = Draft("drain", seed, Bounds(NONE, NEVER), nodes=(2, 5))
    shape = draft.rng.randrange(len(SHAPES))
    SHAPES[shape](draft)
    return draft.finish(rest=7.0)


def _state(draft: Draft, at: float, names: list[str], state: str = "") -> None:
    """Let a new revision, which somebody has first, set the state of nodes."""
    state = state or draft.rng.choice(("draining", "draining", "maintenance"))
    draft.step(at, "set_state", draft.pick(), " ".join(names), state)


def _some(draft: Draft) -> None:
    """Some nodes drain together; perhaps they come back, at any time."""
    names = draft.some(1, len(draft.names) - 1)
    _state(draft, draft.at, names)
    if draft.chance(0.6):
        _state(draft, draft.at + draft.between(0.0, 3.0), names, "enabled")


def _rolling(draft: Draft) -> None:
    """One after the other drains and comes back."""
    at = draft.at
    for name in draft.names:
        _state(draft, at, [name])
        at += draft.between(0.0, 1.5)
        _state(draft, at, [name], "enabled")
        at += draft.between(0.0, 1.0)


def _everybody(draft: Draft) -> None:
    """All drain, together or in turn: what nobody may take stays. One may come back."""
    if draft.chance(0.5):
        _state(draft, draft.at, draft.names)
    at = draft.at
    for name in draft.names:
        at += draft.between(0.0, 0.6)
        _state(draft, at, [name])
    if draft.chance(0.7):
        _state(draft, at + draft.between(0.0, 2.0), [draft.pick()], "enabled")


def _heir_dies(draft: Draft) -> None:
    """An heir loses power, or is cut off, around the instant at which it is given VIPs."""
    draft.plan.bounds = Bounds(DEATH, NEVER, planned_gap=HEIR_DIES)
    victim, keeper = draft.rng.sample(draft.names, 2)
    names = [name for name in draft.others(victim, keeper) if draft.chance(0.5)]
    names = names or draft.others(victim, keeper)[:1] or [keeper]
    _state(draft, draft.at, names)
    at = draft.at + draft.between(-0.1, 0.5)
    if names == [keeper]:  # of two: the heir restarts, nobody else is there
        draft.plan.bounds = Bounds(NONE, NEVER, planned_gap=RETAKEN)
        draft.step(at, "kill", victim, draft.between(0.3, 0.6))
    elif draft.chance(0.6):
        draft.step(at, "power_loss", victim)
    else:
        draft.fault(at, draft.between(0.3, 4.0), "cut_port", "mend_port", victim)


def _giver_dies(draft: Draft) -> None:
    """The draining node loses power or its agent is killed in the middle of it."""
    draft.plan.bounds = Bounds(DEATH, NEVER, planned_gap=HEIR_DIES)
    victim = draft.pick()
    _state(draft, draft.at, [victim])
    at = draft.at + draft.between(-0.1, 0.5)
    if draft.chance(0.5):
        draft.step(at, "power_loss", victim)
        draft.step(at + draft.between(0.5, 3.0), "power_return", victim)
    else:
        draft.step(at, "kill", victim, draft.between(0.3, 0.6))


def _late_loops(draft: Draft) -> None:
    """Loops of givers and heirs stand still for a while."""
    draft.plan.bounds = Bounds(NONE, NEVER, planned_gap=RETAKEN)
    _state(draft, draft.at, draft.some(1, len(draft.names) - 1))
    for name in draft.some():
        draft.step(draft.at + draft.between(-0.2, 0.6), "starve", name, draft.between(0.05, 0.9))


def _redefined(draft: Draft) -> None:
    """VIPs come and go while nodes drain."""
    names = draft.some(1, len(draft.names) - 1)
    _state(draft, draft.at, names)
    at = draft.at + draft.between(0.0, 0.4)
    remove = draft.rng.choice(draft.vips) if draft.chance(0.5) else ""
    draft.step(at, "define", draft.pick(), "198.18.0.150", remove)
    if draft.chance(0.5):
        _state(draft, at + draft.between(0.0, 0.4), names, "enabled")
    draft.step(at + 2.5, "expect")


def _ring_lost(draft: Draft) -> None:
    """The broker is gone or silent, or ring B is lossy, while nodes drain."""
    draft.plan.bounds = Bounds(NONE, NEVER, planned_gap=RETAKEN)
    seconds = draft.between(0.5, 4.0)
    at = draft.at + draft.between(-0.3, 0.3)
    if draft.chance(0.5):
        draft.step(at, "broker_down", draft.chance(0.5))
        draft.step(at + seconds, "broker_up")
    else:
        draft.step(at, "degrade", "b", draft.between(0.0, 0.3), draft.between(0.0, 0.2),
                   draft.between(0.0, 0.2))  # fmt: skip
        draft.step(at + seconds, "restore", "b")
    _state(draft, draft.at, draft.some(1, len(draft.names) - 1))


SHAPES = (
    _some, _some, _rolling, _everybody, _heir_dies, _giver_dies, _late_loops, _redefined,
    _ring_lost,
)  # fmt: skip
