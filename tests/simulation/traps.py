"""Traps: something happens at the instant at which a heartbeat first tells of a handoff.

What hits a handoff in its middle cannot be found by drawing instants.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.simulation.plan import Step
from workers.failover.core.messages import Heartbeat

if TYPE_CHECKING:
    from tests.simulation.host import Host
    from tests.simulation.world import World


@dataclass(frozen=True, slots=True)
class Trap:
    """At the `moment` (offers, armed, released) of the next handoff, `after` seconds, do `kind`.

    The words giver and heir in `arguments` stand for whom it happens to; `mended` undoes it.
    """

    moment: str
    after: float
    kind: str
    arguments: tuple[object, ...]
    mended: str = ""
    seconds: float = 0.0


def overhear(world: World, host: Host, heartbeat: Heartbeat) -> None:
    """A heartbeat is being sent: spring the traps that wait for what it tells."""
    for one in tuple(world.traps):
        parties = _parties(world, host, heartbeat, one.moment)
        if parties is not None:
            world.traps.remove(one)
            _spring(world, one, parties)


def _parties(world: World, host: Host, heartbeat: Heartbeat, moment: str) -> dict[str, str] | None:
    """Who gives and who takes, of the first move that the heartbeat tells of."""
    if moment == "armed":
        for claim in heartbeat.armed:
            holders = world.watch.holders.get(claim.vip)
            if holders:
                return {"giver": holders[0].name, "heir": host.name}
        return None
    offers = heartbeat.offers if moment == "offers" else heartbeat.released
    return {"giver": host.name, "heir": offers[0].heir} if offers else None


def _spring(world: World, one: Trap, parties: dict[str, str]) -> None:
    arguments = tuple(
        " ".join(parties.get(word, word) for word in words.split())
        if isinstance(words, str)
        else words
        for words in one.arguments
    )
    world.after(one.after, _act, world, Step(world.now, one.kind, arguments))
    if one.mended:
        undo = arguments[:1] if one.kind in ("pause", "power_loss") else arguments
        world.after(one.after + one.seconds, _act, world, Step(world.now, one.mended, undo))


def _act(world: World, step: Step) -> None:
    world.disturb()
    world.act(step)
