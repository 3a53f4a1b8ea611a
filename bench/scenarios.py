"""What the failover bench does to a lab; seconds count from the probe's start.

A scenario is a list of steps on one victim, the node with the most VIPs. Values only: carrying out
is `bench.failover`'s, condensing into rows `bench.report`'s.
"""

from dataclasses import dataclass
from enum import Enum

from workers.lab.core.faults import FaultKind


class Target(Enum):
    """Whom a step hits."""

    VICTIM = "victim"
    NODES = "nodes"
    BROKERS = "brokers"


@dataclass(frozen=True, slots=True)
class Step:
    """A fault at an instant, or the healing of everything when `fault` is None."""

    at_seconds: float
    fault: FaultKind | None
    target: Target = Target.VICTIM


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of run. `before`: faults in force (and settled) before the probe starts."""

    name: str
    seconds: float
    steps: tuple[Step, ...] = ()
    before: tuple[Step, ...] = ()
    settle_before_seconds: float = 0.0


_AT = 0.5
"""The fault strikes when the probe has shown that all was well."""
FREEZE_SECONDS = 10.0

SCENARIOS = (
    Scenario("control", 5.0),
    Scenario("kill-agent", 5.0, (Step(_AT, FaultKind.KILL_AGENT),)),
    Scenario("split", 6.0, (Step(_AT, FaultKind.SPLIT, Target.NODES), Step(4.0, None))),
    Scenario("broker-kill", 5.0, (Step(_AT, FaultKind.BROKER_KILL, Target.BROKERS),)),
    Scenario("power-loss", 4.0, (Step(_AT, FaultKind.POWER_LOSS),)),
    Scenario("stop-agent", 7.5, (Step(_AT, FaultKind.STOP_AGENT), Step(6.0, None))),
    Scenario(
        "freeze",
        _AT + FREEZE_SECONDS + 3.0,
        (Step(_AT, FaultKind.FREEZE), Step(_AT + FREEZE_SECONDS, None)),
    ),
    Scenario(
        "broker-kill+power-loss",
        4.0,
        (Step(_AT, FaultKind.POWER_LOSS),),
        before=(Step(0.0, FaultKind.BROKER_KILL, Target.BROKERS),),
        settle_before_seconds=1.0,
    ),
)
