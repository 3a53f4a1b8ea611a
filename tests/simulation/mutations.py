"""The product with one of its safeguards taken out: the simulation must notice each.

Each is a subclass of a part of the machine, or a change of the world; the product has no switches
for it. `class_name` names the fault class that finds it, within `within` schedules.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.world import MachineFactory, World


def _product() -> MachineFactory:
    from workers.failover.core.machine import Machine

    return Machine


def _nothing(world: World) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Mutation:
    """A safeguard taken out."""

    machine: Callable[[], MachineFactory] = _product
    apply: Callable[[World], None] = _nothing
    class_name: str = ""
    within: int = 0


def _lasting(world: World) -> None:
    for host in world.hosts.values():
        host.kernel.lasting = True


MUTATIONS: dict[str, Mutation] = {
    "": Mutation(),
    "no-lease": Mutation(apply=_lasting, class_name="agent-gone", within=20),
}
