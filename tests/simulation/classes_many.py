"""Many nodes with few VIPs each, under one fault or two; and nodes that join and are removed.

Definitions may still be on their way to some when a node joins or is removed.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from tests.simulation.classes_handoff import wish
from tests.simulation.classes_random import DISCOVERY
from tests.simulation.draft import Draft
from tests.simulation.plan import Bounds, Plan
from workers.failover.core.definitions import Knobs, Node

NEVER = NONE = 0.0
DEATH = 0.6 + 0.1
LEASE_END = 0.15
TWO_DEATHS = DEATH + 0.6 + 0.2
"""Of two that die one after the other the second may have been the heir of the first."""
STALLED = 1.5 + 0.2 + 0.2
"""Who is removed without having been drained is heard by nobody: it waits, and lets go."""
JOINERS = 2
SIZES = ((8, 10), (8, 10), (8, 10), (8, 10), (11, 16), (11, 16), (17, 32))
"""Heartbeats grow with the square: most schedules have the fewest."""


def many_nodes(seed: int) -> Plan:
    """One fault, or two, among many nodes."""
    nodes = SIZES[random.Random(f"many-nodes/{seed}").randrange(len(SIZES))]
    draft = Draft("many-nodes", seed, Bounds(NONE, NEVER), nodes=nodes)
    draft.plan.watch_from = 1.5
    draft.at -= 0.6
    single = draft.chance(0.6)
    shapes = [draft.rng.choice(SINGLES)] if single else draft.rng.choices(SINGLES, k=2)
    outage = 0.0
    for shape in shapes:
        outage += shape(draft, draft.at)
        draft.at += draft.between(0.0, 1.5)
    if single:
        draft.plan.bounds = Bounds(outage, NEVER)
    else:
        outage = max(outage, TWO_DEATHS) if outage else 0.0
        draft.plan.bounds = Bounds(outage, DISCOVERY, outage + 1.0, excuses_deaf=True,
                                   excuses_numb=True)  # fmt: skip
    return draft.finish(rest=2.0)


def _power(draft: Draft, at: float) -> float:
    victim = draft.pick()
    draft.step(at, "power_loss", victim)
    if draft.chance(0.3):
        draft.step(at + draft.between(0.5, 2.0), "power_return", victim)
    return DEATH


def _cable(draft: Draft, at: float) -> float:
    draft.fault(at, draft.between(0.1, 2.0), "cut_port", "mend_port", draft.pick())
    return DEATH


def _restart(draft: Draft, at: float) -> float:
    draft.step(at, "kill", draft.pick(), draft.between(0.3, 0.6))
    return NONE


def _gone(draft: Draft, at: float) -> float:
    victim = draft.pick()
    if draft.chance(0.5):
        draft.step(at, "stop", victim)
    else:
        draft.step(at, "kill", victim, None)
    draft.step(at + 4.0, "expect")
    return LEASE_END


def _leave(draft: Draft, at: float) -> float:
    for name in draft.some(1, 3):
        draft.step(at, "ask_to_stop", name)
    return NONE


def _drain(draft: Draft, at: float) -> float:
    draft.step(at, "set_state", draft.pick(), " ".join(draft.some(1, 8)), "draining")
    return NONE


def _move(draft: Draft, at: float) -> float:
    draft.step(at, "prefer", draft.pick(), wish(draft, draft.rng.sample(draft.vips, 1)))
    return NONE


def _broker(draft: Draft, at: float) -> float:
    draft.step(at, "broker_down", draft.chance(0.5))
    draft.step(at + draft.between(0.3, 2.0), "broker_up")
    return NONE


def _starve(draft: Draft, at: float) -> float:
    draft.step(at, "starve", draft.pick(), draft.between(0.05, 0.9))
    return NONE


SINGLES: tuple[Callable[[Draft, float], float], ...] = (
    _power, _power, _cable, _restart, _gone, _leave, _drain, _move, _broker, _starve,
)  # fmt: skip


# -- nodes that come and go


def joiners(seed: int) -> Plan:
    """Nodes are defined and start at once or later, before or after others know of them."""
    draft = Draft("joiners", seed, Bounds(NONE, NEVER), nodes=(2, 8), knobs=_brisk())
    draft.plan.joiners = tuple(_newcomer(draft, n) for n in range(1, JOINERS + 1))
    at = draft.at
    for node in draft.plan.joiners:
        draft.step(at, "enrol", draft.pick(), node.name, draft.between(0.0, 1.0))
        at += draft.between(0.0, 1.5)
    shape = draft.rng.randrange(5)
    if shape == 1:
        draft.step(at, "prefer", draft.pick(), f"{draft.vips[0]}={draft.plan.joiners[0].name}")
    elif shape == 2:
        _late_files(draft)
    elif shape == 3:
        draft.plan.bounds = Bounds(DEATH, NEVER)
        draft.step(draft.at + draft.between(0.0, 2.0), "power_loss", draft.pick())
    elif shape == 4:
        draft.plan.starts[draft.pick()] = draft.between(1.0, 3.0)
    draft.plan.balanced = shape != 3
    return draft.finish(rest=11.0)


def removed(seed: int) -> Plan:
    """Nodes are taken out of the definitions: drained, stopped or dead, or in the midst of work."""
    draft = Draft("removed", seed, Bounds(NONE, NEVER), nodes=(3, 8), knobs=_brisk())
    leaver, shape = draft.pick(), draft.rng.randrange(5)
    helper = draft.rng.choice(draft.others(leaver))
    at = draft.at
    if shape == 0:
        draft.step(at, "set_state", helper, leaver, "draining")
        at += draft.between(0.5, 2.0)
    elif shape == 1:
        draft.step(at, "ask_to_stop", leaver)
        at += draft.between(0.3, 2.0)
    elif shape == 2:
        draft.plan.bounds = Bounds(DEATH, NEVER)
        draft.step(at, "power_loss", leaver)
        at += draft.between(0.1, 2.0)
    else:
        draft.plan.bounds = Bounds(STALLED, NEVER, STALLED)
        if shape == 4:
            _late_files(draft)
    knows = draft.chance(0.5) or shape == 4  # nobody hands anything to who is removed already
    draft.step(at, "expel", helper, leaver, knows)
    if draft.chance(0.3):
        draft.step(at + draft.between(0.0, 1.0), "prefer", helper, f"{draft.vips[0]}={helper}")
    return draft.finish(rest=7.0)


def _brisk() -> Knobs:
    return replace(Knobs(), view_mature_time=1.0, balance_interval=1.0, definition_wait=1.5)


def _newcomer(draft: Draft, number: int) -> Node:
    place = len(draft.names) + number
    return Node(f"mta{place}", f"198.18.0.{10 + place}")


def _late_files(draft: Draft) -> None:
    """Ring B does not reach some for a while: files are late there, words go by the broker."""
    receivers, everybody = " ".join(draft.some()), " ".join(draft.names)
    draft.fault(draft.at - 0.05, draft.between(0.3, 3.0), "cut_one_way", "mend_one_way", "b",
                everybody, receivers)  # fmt: skip
