"""What a round came to, and the table over many; values that can be written as JSON."""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from chaos.core.steps import Change, ChangeKind, Inject, Round
from workers.lab.core.faults import FaultKind

_GROUPS = {
    FaultKind.POWER_LOSS: "power",
    FaultKind.LINK_DOWN: "net",
    FaultKind.CABLE: "net",
    FaultKind.ISOLATE: "net",
    FaultKind.CUT: "net",
    FaultKind.ONE_WAY: "net",
    FaultKind.SPLIT: "net",
    FaultKind.PARTITION: "net",
    FaultKind.RING_B_DOWN: "net",
    FaultKind.KILL_AGENT: "agent",
    FaultKind.STOP_AGENT: "agent",
    FaultKind.KILL_AGENT_FOR_GOOD: "agent",
    FaultKind.CLEAN_STOP: "agent",
    FaultKind.FREEZE: "agent",
    FaultKind.BROKER_KILL: "broker",
    FaultKind.BROKER_FREEZE: "broker",
    FaultKind.BROKER_CUT: "broker",
    FaultKind.CLOCK_STEP: "clock",
}
_MEMBERS = (ChangeKind.REMOVE_NODE, ChangeKind.ADD_NODE)


@dataclass(frozen=True, slots=True)
class Result:
    """One round, judged."""

    seed: int
    number: int
    combination: str
    outage: float
    """The longest gap of a VIP beyond what was excused."""
    two_owners: float
    rest_seconds: float
    violations: tuple[str, ...] = ()
    noise: tuple[str, ...] = ()
    """What was over its bound, and no more than the machine's own stalls explain."""
    lines: tuple[str, ...] = field(default=())
    """Its time line."""


@dataclass(frozen=True, slots=True)
class Row:
    """All rounds of one kind of combination; seconds."""

    combination: str
    rounds: int
    outage_median: float
    outage_max: float
    two_owners_max: float
    rest_max: float
    violations: int
    noisy: int


def combination(round_: Round) -> str:
    """Which kinds of things a round does at once."""
    found = set()
    for step in round_.steps:
        if isinstance(step.deed, Inject):
            found.add(_GROUPS[step.deed.kind])
        elif isinstance(step.deed, Change):
            found.add("members" if step.deed.kind in _MEMBERS else "definitions")
    return " + ".join(sorted(found)) or "nothing"


def rows(results: Iterable[Result]) -> list[Row]:
    """One per combination, and one of all rounds."""
    kinds: dict[str, list[Result]] = defaultdict(list)
    every = list(results)
    for each in every:
        kinds[each.combination].append(each)
    found = [_row(kind, kinds[kind]) for kind in sorted(kinds)]
    return [*found, _row("all", every)] if every else []


def _row(kind: str, of: Sequence[Result]) -> Row:
    return Row(
        combination=kind,
        rounds=len(of),
        outage_median=round(statistics.median(each.outage for each in of), 3),
        outage_max=round(max(each.outage for each in of), 3),
        two_owners_max=round(max(each.two_owners for each in of), 3),
        rest_max=round(max(each.rest_seconds for each in of), 1),
        violations=sum(bool(each.violations) for each in of),
        noisy=sum(bool(each.noise) for each in of),
    )
