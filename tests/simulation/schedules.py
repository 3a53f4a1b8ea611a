"""Runs one schedule: a class and a seed in, what happened out. The same every time."""

from __future__ import annotations

from dataclasses import dataclass

from tests.simulation.catalogue import CLASSES
from tests.simulation.mutations import MUTATIONS
from tests.simulation.plan import Bounds
from tests.simulation.trace import Trace
from tests.simulation.world import Violation, World


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one schedule showed; durations in seconds."""

    name: str
    seed: int
    violation: Violation | None
    worst_outage: float
    worst_planned: float
    worst_two_owners: float
    steps: int
    """Events that machines decided on."""
    bounds: Bounds
    """What this schedule allowed."""


def run(name: str, seed: int, mutation: str = "", trace: Trace | None = None) -> Outcome:
    """Run the schedule `seed` of class `name`."""
    plan = CLASSES[name][0](seed)
    change = MUTATIONS[mutation]
    world = World(plan, change.machine or plan.machine, trace)
    change.apply(world)
    if trace is not None:
        nodes, vips = " ".join(plan.definitions.nodes), " ".join(plan.definitions.vips)
        policy = plan.definitions.knobs.partition_policy.value
        world.note("plan", f"{name} seed {seed}: {nodes}; VIPs {vips}; {policy}; {plan.bounds}")
    violation = world.run()
    watch = world.watch
    return Outcome(
        name,
        seed,
        violation,
        watch.worst_outage,
        watch.worst_planned,
        watch.worst_two,
        world.steps,
        plan.bounds,
    )
