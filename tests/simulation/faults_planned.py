"""Steps that operators and supervisors cause: moves, upgrades, joins, health; and traps for them.

All steps that a plan may have are listed here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.simulation.faults import FAULTS, write
from tests.simulation.traps import Trap
from workers.failover.core.definitions import Definitions

if TYPE_CHECKING:
    from tests.simulation.world import World


def prefer(world: World, name: str, wishes: str) -> None:
    """A new revision with other preferences, "VIP=NODE,NODE VIP=", arrives on one node's disk."""
    vips = dict(world.latest.vips)
    for wish in wishes.split():
        vip, _, nodes = wish.partition("=")
        if vip in vips:
            vips[vip] = replace(vips[vip], prefer=tuple(n for n in nodes.split(",") if n))
    world.latest = _revised(world, vips=vips)
    write(world, name)


def ask_to_restart(world: World, name: str, lease: int, successor_after: float | None) -> None:
    """An upgrade: the agent leaves under a longer lease, and another starts, or never does."""
    agent = world.hosts[name].agent
    if agent is not None:
        agent.request_restart(lease, successor_after)


def sicken(world: World, names: str, check: str) -> None:
    """A health check fails on these nodes from now on."""
    for name in names.split():
        world.hosts[name].sick.add(check)


def cure(world: World, names: str, check: str) -> None:
    """And is good again."""
    for name in names.split():
        world.hosts[name].sick.discard(check)


def enrol(world: World, name: str, joiner: str, starts_after: float) -> None:
    """A new revision with one more node arrives on one node's disk; the new one starts later."""
    node = next(one for one in world.plan.joiners if one.name == joiner)
    world.latest = _revised(world, nodes={**world.latest.nodes, joiner: node})
    host = world.hosts[joiner]
    host.disk = world.latest
    write(world, name)
    world.after(starts_after, host.start_agent)


def expel(world: World, name: str, leaver: str, knows: bool) -> None:
    """A new revision without a node arrives on one node's disk, perhaps on the leaver's too."""
    nodes = {n: node for n, node in world.latest.nodes.items() if n != leaver}
    world.latest = _revised(world, nodes=nodes)
    write(world, name)
    if knows:
        world.hosts[leaver].learn(world.latest)


def _revised(world: World, **changes: Any) -> Definitions:
    return replace(world.latest, revision=world.latest.revision + 1, **changes)


def trap(world: World, *arguments: Any) -> None:
    """Lay a trap."""
    world.traps.append(Trap(*arguments))


def untrap(world: World) -> None:
    """Take all traps away."""
    world.traps.clear()


PLANNED: dict[str, Callable[..., Any]] = {
    one.__name__: one
    for one in (
        prefer, ask_to_restart, sicken, cure, enrol, expel, trap, untrap,
    )
}  # fmt: skip
STEPS = FAULTS | PLANNED
