"""What a round's course may cost a client: when somebody may be silent, and for how long.

A *disturbance* allows the VIPs of the nodes it hits `seconds` without an answer; each disturbance,
also of others, lengthens an outage that is under way (an heir that dies costs another detection).
An *excuse* is a time in which nobody can serve, or the owner is out of the client's reach. From the
fault table: 0.7 s for a death, 0.15 s after a lease, 1 s until a client is right again after a
healing; nothing for what the table calls "none".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from chaos.core.course import Performed, Span, faults_in_force
from chaos.core.situation import Situation
from chaos.core.steps import Change, ChangeKind, Inject
from workers.lab.core.faults import FaultKind

DEATH_SECONDS = 0.7
"""dead_after + 100 ms."""
LEASE_SECONDS = 0.15
REASK_SECONDS = 8.0
"""A client's kernel asks anew after its neighbour was mute for five seconds and three questions."""
HEALING_SECONDS = 1.0
HANDOFF_SECONDS = 1.0
"""handoff_timeout: a released VIP whose heir dies is left alone for so long."""
EARLIEST_END, LATEST_END = 2.4, 3.6
"""When a lease of 3 s that nobody renews ends: renewals come every interval, the kernel is late."""
FOR_EVER = 1e9
_LEASED = (FaultKind.FREEZE, FaultKind.STOP_AGENT, FaultKind.KILL_AGENT_FOR_GOOD)


@dataclass(frozen=True, slots=True)
class Disturbance:
    """Something that happened between `at` and `until`."""

    at: float
    until: float
    seconds: float
    nodes: frozenset[str]
    """Whose VIPs may fall silent; none: it only lengthens what others began."""
    cause: str
    alone: bool = False
    """It lengthens no outage but those of these nodes' VIPs."""


@dataclass(frozen=True, slots=True)
class Excuse:
    """A time in which VIPs of `nodes` need not be answered, and `seconds` to come back after it."""

    start: float
    end: float
    nodes: frozenset[str]
    seconds: float
    cause: str


@dataclass(frozen=True, slots=True)
class Allowances:
    """All that a round allows."""

    disturbances: tuple[Disturbance, ...]
    excuses: tuple[Excuse, ...]


def allowances(performed: Sequence[Performed], spans: Sequence[Span], end: float) -> Allowances:
    """Out of what was done and what it made of the lab."""
    # Striking takes a while: its effect came at some instant of it.
    struck = {d.began: d.ended for d in performed if isinstance(d.step.deed, Inject)}
    found = [
        each
        for one, other in pairwise(spans)
        for each in _between(one.situation, other, struck.get(other.start, other.start))
    ]
    found += [*_leases(performed, end), *_removals(performed, end)]
    ordered = tuple(sorted(found, key=lambda each: each.at))
    return Allowances(ordered, tuple([*_unserved(spans), *_frozen(performed, end)]))


def _between(was: Situation, span: Span, until: float) -> Iterable[Disturbance]:
    now, at = span.situation, span.start
    for node in now.nodes:
        if cause := _trouble(was, now, node):
            yield Disturbance(at, until, DEATH_SECONDS, frozenset({node}), f"{node} {cause}")
    # Who leaves as planned says so; nobody has to find out.
    if lost := was.able - now.able - now.gone - now.hit(FaultKind.CLEAN_STOP):
        names = " ".join(sorted(lost))
        yield Disturbance(at, until, DEATH_SECONDS, frozenset(), f"{names} no heir")
    grown = _grown(was, now)
    if grown:
        yield Disturbance(at, until, HEALING_SECONDS, grown, "healed")
    elif _parted(was, now):
        yield Disturbance(at, until, DEATH_SECONDS, frozenset(), "parted")


def _trouble(was: Situation, now: Situation, node: str) -> str:
    """What became of a node, when its VIPs may fall silent by it."""
    if (node in now.apart) != (node in was.apart):
        return "off the net" if node in now.apart else "on the net"
    if node in was.reached - now.reached:
        return "out of the client's reach"
    return "isolated" if was.proved(node) and not now.proved(node) else ""


def _grown(was: Situation, now: Situation) -> frozenset[str]:
    """Nodes on the net throughout that hear or meet more of each other than before."""
    there = [node for node in now.nodes if node not in was.apart | now.apart]
    return frozenset(
        node
        for node in there
        for other in there
        if (was.deaf(node, other) and not now.deaf(node, other))
        or (was.together[node] != was.together[other] and now.together[node] == now.together[other])
    )


def _parted(was: Situation, now: Situation) -> bool:
    return any(
        was.together[one] == was.together[other] and now.together[one] != now.together[other]
        for one in now.nodes
        for other in now.nodes
    )


def _leases(performed: Sequence[Performed], end: float) -> Iterable[Disturbance]:
    """Leases that ran out, and agents that came back about that time."""
    for stretch in faults_in_force(performed, end):
        fault = stretch.thing
        if isinstance(fault, str) or fault.kind not in _LEASED:
            continue
        if stretch.end - stretch.start < EARLIEST_END:
            continue
        nodes = frozenset(fault.targets)
        first, last = stretch.start + EARLIEST_END, stretch.start + LATEST_END
        yield Disturbance(first, last, LEASE_SECONDS, nodes, f"lease of {' '.join(nodes)} ends")
        if stretch.end < last + LEASE_SECONDS:
            cause = f"{' '.join(nodes)} resumes as its lease ends"
            yield Disturbance(stretch.end, stretch.end, DEATH_SECONDS, nodes, cause)


def _removals(performed: Sequence[Performed], end: float) -> Iterable[Disturbance]:
    """A node that was not drained before it was removed: the others hear it no more, as if dead."""
    for done in performed:
        deed = done.step.deed
        if isinstance(deed, Change) and deed.kind is ChangeKind.REMOVE_NODE:
            nodes = frozenset({deed.target})
            cause = f"{deed.target} removed before it was drained"
            yield Disturbance(done.began, end, DEATH_SECONDS, nodes, cause, alone=True)


def _unserved(spans: Sequence[Span]) -> Iterable[Excuse]:
    for span in spans:
        now = span.situation
        if now.served():
            continue
        lopsided = any(fault.kind is FaultKind.ONE_WAY for fault in now.faults)
        nobody = not any(node in now.reached for node in now.able)
        nodes = frozenset(now.nodes) if lopsided or nobody else now.unreachable
        seconds = REASK_SECONDS if _client_alone(now) else HEALING_SECONDS
        yield Excuse(span.start, span.end, nodes, seconds, "no group must serve the client")


def _client_alone(now: Situation) -> bool:
    """Whether the client alone is cut off: no node can see that, and tell it anew when it heals."""
    there = [node for node in now.nodes if node not in now.apart]
    return not set(there) <= now.reached and all(
        now.meets(one, other) for one in there for other in there if one != other
    )


def _frozen(performed: Sequence[Performed], end: float) -> Iterable[Excuse]:
    """The echo of a frozen node is frozen too, while its kernel still has the VIPs."""
    for stretch in faults_in_force(performed, end):
        fault = stretch.thing
        if not isinstance(fault, str) and fault.kind is FaultKind.FREEZE:
            until = min(stretch.end, stretch.start + LATEST_END)
            nodes = frozenset(fault.targets)
            yield Excuse(stretch.start, until, nodes, LEASE_SECONDS, f"{' '.join(nodes)} frozen")
