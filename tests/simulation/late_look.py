"""Machines that look at who owns what as seldom as with thousands of VIPs, in plans with few.

Between two looks they act on what they saw at the last one. So what waits for a look, a detection
or a planned move, may take one pause longer; nothing may have two owners for it.
"""

from __future__ import annotations

import random
from dataclasses import replace

from tests.simulation import classes as c
from tests.simulation import classes_handoff as h
from tests.simulation.classes_drain import drain
from tests.simulation.classes_health import health
from tests.simulation.classes_many import joiners, removed
from tests.simulation.classes_middle import late_words, middle, middle_double
from tests.simulation.plan import Plan
from workers.failover.core.definitions import Definitions
from workers.failover.core.machine import Machine
from workers.failover.core.ownership import Ownership

LOOK_SECONDS = 0.1
"""The pause that `core.taking` makes with some 8,000 VIPs."""
BUILDS: tuple[c.Build, ...] = (
    c.power_loss, c.cable, c.kill_restart, c.agent_gone, c.freeze, c.clean_stop, c.stop_and_flap,
    c.double_cut, c.starve, c.definitions, c.cold_start, c.balance, drain, h.move, h.failback,
    h.stop_many, h.drain_many, h.upgrade, h.last_resort, health, joiners, removed,
    middle, middle, middle_double, late_words,
)  # fmt: skip


class Seldom(Ownership):
    """Is looked at again a pause after each look, at the earliest."""

    @property
    def next_look(self) -> float:
        """When to look again."""
        return self._next_look

    @next_look.setter
    def next_look(self, at: float) -> None:
        self._next_look = at + LOOK_SECONDS


class SeldomLooking(Machine):
    """Looks at most every `LOOK_SECONDS`."""

    def __init__(
        self, me: str, definitions: Definitions, incarnation: int, macs: tuple[str, ...]
    ) -> None:
        super().__init__(me, definitions, incarnation, macs)
        self.ownership = Seldom()


def late_look(seed: int) -> Plan:
    """A schedule of another class, on machines that look seldom."""
    build = random.Random(f"late-look/{seed}/class").choice(BUILDS)
    plan = build(seed)
    plan.machine = SeldomLooking
    bounds = replace(plan.bounds, planned_gap=plan.bounds.planned_gap + LOOK_SECONDS)
    if build is h.last_resort:  # who may serve at all has changed once more, and is to be looked at
        bounds = replace(bounds, outage=bounds.outage + LOOK_SECONDS)
    plan.bounds = bounds
    return plan
