"""What a schedule is: the cluster, the faults with their instants, and the bounds they must keep.

All of it are values made from a class and a seed; nothing here runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workers.failover.core.definitions import Definitions, Node
from workers.failover.core.machine import Machine

if TYPE_CHECKING:
    from tests.simulation.world import MachineFactory

SETTLE_SECONDS = 6.0
"""After the last step everything must be quiet by then."""


@dataclass(frozen=True, slots=True)
class Step:
    """At `at` seconds do `kind` (a function of `faults`) with `arguments`."""

    at: float
    kind: str
    arguments: tuple[object, ...] = ()

    def __str__(self) -> str:
        words = " ".join(str(a) for a in self.arguments)
        return f"{self.kind.replace('_', '-')} {words}".rstrip()


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long, in seconds, a client may see no answer, or two owners of one VIP."""

    outage: float
    two_owners: float
    planned_gap: float = 0.02
    """An outage that began with a planned release."""
    by_cache: bool = True
    """Outages as seen through the client's neighbour cache, not only as nobody having the VIP."""
    excuses_deaf: bool = False
    """Two owners count from the instant their nodes can hear of each other again."""
    excuses_numb: bool = False
    """Two owners count from the instant both agents run and both hosts are on the net again."""


@dataclass(slots=True)
class Plan:
    """One schedule."""

    name: str
    seed: int
    definitions: Definitions
    bounds: Bounds
    steps: list[Step] = field(default_factory=list)
    clients: tuple[str, ...] = ("client1",)
    judged: tuple[str, ...] = ("client1",)
    """Clients whose outages count; two owners count for every one of them."""
    starts: dict[str, float] = field(default_factory=dict)
    """When each node boots (0 when absent)."""
    joiners: tuple[Node, ...] = ()
    """Hosts that later definitions may make nodes of."""
    watch_from: float = 2.0
    ends: float = 12.0
    rests: bool = True
    """Everything is healed long enough before the end for the cluster to be at rest."""
    latest_keeps: bool = False
    """No VIP changes hands twice: of two owners that meet, the later one has the higher epoch."""
    balanced: bool = False
    """At the end the loads of VIPs without preference differ by at most one."""
    placed: bool = False
    """At the end each VIP with preferences is on the first of them that serves."""
    idle: tuple[str, ...] = ()
    """VIPs that may have no owner at the end."""
    machine: MachineFactory = Machine
    """What decides on every node."""
