"""What the benches do to a lab; seconds count from the probe's start.

A scenario is a list of steps on one victim, a node with the most VIPs. One catalogue serves every
bench that measures faults; which of them it wants is its own affair. Values only: carrying out is
`bench.runs`'s, condensing into rows `bench.report`'s.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from workers.lab.core.faults import FaultKind


class Target(Enum):
    """Whom a step hits."""

    VICTIM = "victim"
    NODES = "nodes"
    BROKERS = "brokers"
    MANAGERS = "managers"
    VICTIM_OR_OTHERS = "victim / other nodes"
    CLIENTS_SIDE = "victim, client and gateway / other nodes and brokers"


class Deed(Enum):
    """What is done to a lab that is no fault."""

    HEAL = "heal"
    """`words` as for `muster lab heal`; none heals everything."""
    DRAIN = "drain"
    QUORUM = "quorum"
    """The partition policy becomes quorum."""
    PIN = "pin"
    """Every VIP prefers the node that has it."""
    MOVE = "move"
    """A VIP is to be on another node, or back on the one it was pinned to."""


@dataclass(frozen=True, slots=True)
class Step:
    """A fault or a deed at an instant."""

    at_seconds: float
    what: FaultKind | Deed
    target: Target = Target.VICTIM
    words: tuple[str, ...] = ()
    vip: int = 0
    """Of a move: the place of the VIP in the lab's list."""
    shift: int = 0
    """Of a move: how many nodes behind the one it was pinned to; 0 is back."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of run. `before`: steps done (and settled) before the probe starts."""

    name: str
    seconds: float
    steps: tuple[Step, ...] = ()
    before: tuple[Step, ...] = ()
    settle_before_seconds: float = 0.0


_AT = 0.5
"""The fault strikes when the probe has shown that all was well."""
FREEZE_SECONDS = 10.0
FLAP_SECONDS = 0.3
CUT_SECONDS = 3.5
AFTER_HEALING_SECONDS = 6.5
"""keepalived announces once more 5 s after a change of master: clients may be wrong until then."""
MOVES_EACH_WAY, MOVED_VIPS, MOVE_SECONDS = 2, 5, 0.6
"""Moves of one run; a VIP that came by handoff rests for a second, so they take turns."""


def _fault(kind: FaultKind, target: Target = Target.VICTIM, *words: str) -> Step:
    return Step(_AT, kind, target, words)


def _healed(name: str, step: Step) -> Scenario:
    """A cut that is healed, and what a client sees long enough after it."""
    end = _AT + CUT_SECONDS
    return Scenario(name, end + AFTER_HEALING_SECONDS, (step, Step(end, Deed.HEAL)))


def _moves() -> Iterable[Step]:
    at = _AT
    for turn in range(2 * MOVES_EACH_WAY):
        for vip in range(MOVED_VIPS):
            yield Step(at, Deed.MOVE, vip=vip, shift=(turn + 1) % 2)
            at += MOVE_SECONDS


_NO_BROKER = Step(0.0, FaultKind.BROKER_KILL, Target.BROKERS)
_TWO_HALVES = _fault(FaultKind.PARTITION, Target.VICTIM_OR_OTHERS)
_DOUBLE_CUT = (_TWO_HALVES, Step(_AT + CUT_SECONDS, Deed.HEAL, words=("partition",)))

SCENARIOS = (
    Scenario("control", 5.0),
    Scenario("power-loss", 6.0, (_fault(FaultKind.POWER_LOSS),)),
    Scenario("cable", 6.0, (_fault(FaultKind.CABLE),)),
    Scenario("kill-agent", 6.0, (_fault(FaultKind.KILL_AGENT),)),
    Scenario("kill-agent-for-good", 6.0, (_fault(FaultKind.KILL_AGENT_FOR_GOOD),)),
    Scenario("stop-agent", 7.5, (_fault(FaultKind.STOP_AGENT), Step(6.0, Deed.HEAL))),
    Scenario(
        "freeze",
        _AT + FREEZE_SECONDS + 3.0,
        (_fault(FaultKind.FREEZE), Step(_AT + FREEZE_SECONDS, Deed.HEAL)),
    ),
    _healed("isolate", _fault(FaultKind.ISOLATE)),
    Scenario("clean-stop", 4.0, (_fault(FaultKind.CLEAN_STOP),)),
    Scenario("drain", 4.0, (Step(_AT, Deed.DRAIN),)),
    Scenario(
        "planned-move",
        _AT + (2 * MOVES_EACH_WAY * MOVED_VIPS + 2) * MOVE_SECONDS,
        tuple(_moves()),
        before=(Step(0.0, Deed.PIN),),
        settle_before_seconds=1.0,
    ),
    _healed("split", _fault(FaultKind.SPLIT, Target.NODES)),
    _healed("heal", _fault(FaultKind.PARTITION, Target.CLIENTS_SIDE)),
    Scenario("broker-kill", 5.0, (_fault(FaultKind.BROKER_KILL, Target.BROKERS),)),
    Scenario("broker-freeze", 6.0, (_fault(FaultKind.BROKER_FREEZE, Target.BROKERS),)),
    Scenario("broker-cut", 6.0, (_fault(FaultKind.BROKER_CUT, Target.BROKERS),)),
    Scenario(
        "broker-kill+power-loss",
        4.0,
        (_fault(FaultKind.POWER_LOSS),),
        before=(_NO_BROKER,),
        settle_before_seconds=1.0,
    ),
    Scenario("manager-down", 5.0, (_fault(FaultKind.POWER_LOSS, Target.MANAGERS),)),
    Scenario(
        "manager-down+power-loss",
        4.0,
        (_fault(FaultKind.POWER_LOSS),),
        before=(Step(0.0, FaultKind.POWER_LOSS, Target.MANAGERS),),
        settle_before_seconds=1.0,
    ),
    Scenario(
        "clock-step",
        9.0,
        (
            _fault(FaultKind.CLOCK_STEP, Target.VICTIM, "3600"),
            Step(3.5, Deed.HEAL),
            Step(6.0, FaultKind.CLOCK_STEP, words=("-3600",)),
        ),
    ),
    Scenario(
        "stop-agent+link-flap",
        6.0,
        (
            _fault(FaultKind.STOP_AGENT),
            Step(1.5, FaultKind.CABLE),
            Step(1.5 + FLAP_SECONDS, Deed.HEAL, words=("cable",)),
        ),
    ),
    Scenario("double-cut", 6.5, _DOUBLE_CUT, before=(_NO_BROKER,), settle_before_seconds=1.0),
    Scenario(
        "double-cut-quorum",
        6.5,
        _DOUBLE_CUT,
        before=(Step(0.0, Deed.QUORUM), _NO_BROKER),
        settle_before_seconds=1.0,
    ),
)
