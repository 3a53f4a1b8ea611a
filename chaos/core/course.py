"""The course of a round: which situation was in force when.

A fault counts from the instant it began to strike until its healing was done; agents that start or
resume count as able only some time later. So what is excused is never too short by our own haste.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from chaos.core.situation import Situation, doubted
from chaos.core.steps import Change, ChangeKind, Heal, HealAll, Inject, Step
from workers.lab.core.faults import Fault, FaultKind
from workers.lab.core.hosts import Host

BOOT_SECONDS = 3.0
"""From power to an agent that may take: interpreter, `start_delay`, and a busy machine."""
KILLED_SECONDS = 2.0
RESUME_SECONDS = 1.0
DEFINED_SECONDS = 6.0
"""From a definition that lets a node in until it is an heir; its supervisor tries in growing steps.
"""
_RETURNS = {
    FaultKind.POWER_LOSS: BOOT_SECONDS,
    FaultKind.KILL_AGENT_FOR_GOOD: BOOT_SECONDS,
    FaultKind.CLEAN_STOP: BOOT_SECONDS,
    FaultKind.CABLE: RESUME_SECONDS,
    FaultKind.FREEZE: RESUME_SECONDS,
    FaultKind.STOP_AGENT: RESUME_SECONDS,
    FaultKind.LINK_DOWN: RESUME_SECONDS,
    FaultKind.ISOLATE: RESUME_SECONDS,
}


@dataclass(frozen=True, slots=True)
class Performed:
    """A step as it was done; monotonic seconds. `faults` are those it began or ended."""

    step: Step
    began: float
    ended: float
    faults: tuple[Fault, ...] = ()
    note: str = ""
    """Why it could not be done."""


@dataclass(frozen=True, slots=True)
class Span:
    """A time in which one situation was in force."""

    start: float
    end: float
    situation: Situation


@dataclass(frozen=True, slots=True)
class Stretch:
    """A thing that is so from `start` to `end`."""

    thing: Fault | str
    start: float
    end: float


def course(performed: Sequence[Performed], hosts: Sequence[Host], end: float) -> list[Span]:
    """Situations from the beginning of time to `end`, without a hole."""
    faults = faults_in_force(performed, end)
    starting, gone = _starting(performed), _gone(performed, end)
    doubtful = [Stretch(n, s.start, end) for s in faults for n in doubted(_fault(s), hosts)]
    every = (*faults, *starting, *gone, *doubtful)
    instants = sorted({0.0, end, *(i for s in every for i in (s.start, s.end) if 0 < i < end)})
    return [
        Span(
            start,
            stop,
            Situation(
                tuple(hosts),
                tuple(_fault(s) for s in faults if s.start <= start < s.end),
                *(_names(stretches, start) for stretches in (starting, gone, doubtful)),
            ),
        )
        for start, stop in pairwise(instants)
    ]


def faults_in_force(performed: Sequence[Performed], end: float) -> list[Stretch]:
    """Each fault with its time; one that happens in an instant is not in force."""
    found: list[Stretch] = []
    for done in performed:
        for fault in done.faults:
            if isinstance(done.step.deed, Inject) and fault.kind is not FaultKind.KILL_AGENT:
                found.append(Stretch(fault, done.began, _healed_at(fault, done, performed, end)))
    return found


def _healed_at(fault: Fault, start: Performed, performed: Sequence[Performed], end: float) -> float:
    healings = (
        later.ended
        for later in performed
        if later.began > start.began
        and isinstance(later.step.deed, Heal | HealAll)
        and fault in later.faults
    )
    return min(healings, default=end)


def _starting(performed: Sequence[Performed]) -> list[Stretch]:
    found = []
    for done in performed:
        for fault in done.faults:
            seconds = _RETURNS.get(fault.kind, 0.0)
            if isinstance(done.step.deed, Inject):
                seconds = KILLED_SECONDS if fault.kind is FaultKind.KILL_AGENT else 0.0
            if seconds:
                until = done.ended + seconds
                found += [Stretch(name, done.began, until) for name in fault.targets]
    return found


def _gone(performed: Sequence[Performed], end: float) -> list[Stretch]:
    """Nodes that a definition keeps from being heirs."""
    found = []
    since: dict[str, float] = {}
    for done in performed:
        deed = done.step.deed
        back: Sequence[str] = ()
        if isinstance(deed, HealAll):
            back = tuple(since)
        elif isinstance(deed, Change) and deed.kind in (ChangeKind.DRAIN, ChangeKind.REMOVE_NODE):
            since[deed.target] = done.began
        elif isinstance(deed, Change) and deed.target in since:
            back = (deed.target,)
        found += [Stretch(node, since.pop(node), done.ended + DEFINED_SECONDS) for node in back]
    return found + [Stretch(node, start, end) for node, start in since.items()]


def _names(stretches: Sequence[Stretch], at: float) -> frozenset[str]:
    return frozenset(
        s.thing for s in stretches if s.start <= at < s.end and isinstance(s.thing, str)
    )


def _fault(stretch: Stretch) -> Fault:
    if isinstance(stretch.thing, str):
        raise TypeError(f"{stretch.thing} is no fault")
    return stretch.thing
