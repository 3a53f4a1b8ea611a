"""Whether what the probe saw keeps within what a round allows.

An outage is held against the disturbances and excuses that concern the node that answered last; one
that nothing explains may last no longer than noise, or a planned move. Two owners are allowed only
while the two were deaf to each other by rings, third voices and ARP, and for a discovery after;
0.13 s of them where one agent did not run and its link came back.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from chaos.core.allowances import (
    DEATH_SECONDS,
    FOR_EVER,
    HANDOFF_SECONDS,
    HEALING_SECONDS,
    Allowances,
)
from chaos.core.course import Span
from workers.lab.core.probe_report import VipReport
from workers.lab.core.timeline import Gap

EDGE_SECONDS = 0.05
"""Between an effect on the wire and the instant that we noted for it."""
LOOK_BACK_SECONDS = 2.0
PLANNED_SECONDS = 0.020
"""A planned move, handed from node to node."""
DISCOVERY_SECONDS = 0.2 + 0.13
"""After deafness: one interval for the heartbeat, and a probe with its answer."""
Event = tuple[float, float, bool, str]
"""Instant, seconds, whether they come on top of what is allowed already, cause."""
FLAP_SECONDS = 0.13
"""Two owners after a link came back on a node whose agent does not run: a probe and 100 ms."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to tell of a VIP: what was seen, what was allowed, and by how much it was more."""

    vip: str
    what: str
    at: float
    seconds: float
    allowed: float
    noise: float
    """How much of the excess the machine explains: stalls measured meanwhile."""
    causes: tuple[str, ...] = ()

    @property
    def excess(self) -> float:
        """Seconds beyond what was allowed."""
        return self.seconds - self.allowed

    @property
    def noisy(self) -> bool:
        """Whether the machine may have made it."""
        return self.excess <= self.noise


@dataclass(frozen=True, slots=True)
class Evidence:
    """What else is known of a round."""

    spans: Sequence[Span]
    allowances: Allowances
    undefined: Mapping[str, Sequence[tuple[float, float]]]
    """VIP -> times in which it need not be there: not defined, or added and not yet seen."""
    planned: Mapping[str, Sequence[float]]
    """VIP -> instants at which a node said that it let it go as planned."""
    stalls: Sequence[tuple[float, float]]
    """When the machine kept an ordinary process waiting."""
    slack: float


def outages(report: VipReport, macs: Mapping[str, str], evidence: Evidence) -> list[Finding]:
    """Gaps that are longer than they may be; `macs`: MAC -> node."""
    found = []
    for gap in report.gaps:
        last = next((s.who[0] for s in reversed(report.owners) if s.start <= gap.start), "")
        limit, causes = _limit(report, gap.start, gap.end - report.interval, last, evidence)
        allowed = max(0.0, limit - gap.start) + evidence.slack
        if gap.seconds > allowed:
            noise = _stalled(evidence.stalls, gap.start - 0.5, gap.end)
            if _held_throughout(report, last, gap, macs):
                noise, causes = (
                    FOR_EVER,
                    ("its owner answered ARP throughout: the echo was kept waiting",),
                )
            found.append(
                Finding(report.vip, "outage", gap.start, gap.seconds, allowed, noise, causes)
            )
    return found


def _held_throughout(report: VipReport, last: str, gap: Gap, macs: Mapping[str, str]) -> bool:
    """Whether the node that answered before and after had the VIP all the time, as frames say."""
    after = next((s.who[0] for s in report.owners if s.end >= gap.end), "")
    return last == after != "" and any(
        [macs.get(mac, mac) for mac in span.who] == [last]
        and span.start - 2 * report.raw_interval <= gap.start
        and gap.end <= span.end + 2 * report.raw_interval
        for span in report.macs
    )


def _limit(
    report: VipReport, start: float, end: float, last: str, evidence: Evidence
) -> tuple[float, tuple[str, ...]]:
    """Until when the gap may last, and why."""
    causes = [*_causes(start, last, evidence), *_undefined(report.vip, start, end, evidence)]
    planned = any(abs(at - start) < EDGE_SECONDS for at in evidence.planned.get(report.vip, ()))
    if planned:
        causes.append(f"planned move from {last}")
    if not causes:
        return start, ("nothing explains it",)
    limit = start + PLANNED_SECONDS if planned else start
    for at, seconds, adds, cause in _events(report, start, end, last, evidence):
        limit = max(limit, at) + seconds if adds else max(limit, at + seconds)
        if at > start:
            causes.append(cause)
    return limit + (HANDOFF_SECONDS if planned and len(causes) > 1 else 0.0), tuple(causes)


def _causes(start: float, last: str, evidence: Evidence) -> Iterable[str]:
    """What may have silenced the node that answered last."""
    for each in evidence.allowances.disturbances:
        hits = not last or last in each.nodes
        if hits and each.nodes and _within(start, each.at, each.until + each.seconds):
            yield each.cause
    for excuse in evidence.allowances.excuses:
        hits = not last or last in excuse.nodes
        if hits and _within(start, excuse.start, excuse.end + excuse.seconds):
            yield excuse.cause


def _undefined(vip: str, start: float, end: float, evidence: Evidence) -> Iterable[str]:
    for first, until in evidence.undefined.get(vip, ()):
        if first - EDGE_SECONDS <= end and start <= until:
            yield "not defined"


def _within(at: float, first: float, until: float) -> bool:
    return first - EDGE_SECONDS <= at <= until + EDGE_SECONDS


def _events(
    report: VipReport, start: float, end: float, last: str, evidence: Evidence
) -> list[Event]:
    """All that lengthens a gap, in order.

    Detections add up, one for all that happened at once; after what excuses silence there is one
    time to come back, however often.
    """
    worst: dict[float, Event] = {}
    for each in evidence.allowances.disturbances:
        at = min(max(start, each.at), each.until)
        before = worst.get(each.at)
        if each.alone and last not in each.nodes:
            continue
        if start - LOOK_BACK_SECONDS <= at <= end and (not before or before[1] < each.seconds):
            worst[each.at] = (at, each.seconds, True, each.cause)
    found = list(worst.values())
    found += [
        (excuse.end, excuse.seconds, False, excuse.cause)
        for excuse in evidence.allowances.excuses
        if excuse.start <= end and start <= excuse.end + excuse.seconds
    ]
    found += [
        (until, DEATH_SECONDS, False, "not defined")
        for first, until in evidence.undefined.get(report.vip, ())
        if first - EDGE_SECONDS <= end and start <= until
    ]
    return sorted([*found, *_doubled(report, start, evidence)])


def _doubled(report: VipReport, start: float, evidence: Evidence) -> Iterable[Event]:
    """One of two owners fell silent that were deaf to each other: the client knows only that one.

    Nobody can tell it of the other before the deafness ends.
    """
    double = [span for span in report.macs if len(span.who) > 1]
    if any(span.start <= start <= span.end + HEALING_SECONDS for span in double):
        for each in evidence.spans:
            if each.start <= start and _anyone_deaf(each):
                ends = _deaf_until(evidence.spans, each)
                if start <= ends:
                    yield ends + DISCOVERY_SECONDS, HEALING_SECONDS, False, "two owners, one silent"


def _anyone_deaf(span: Span) -> bool:
    nodes = [node for node in span.situation.nodes if node not in span.situation.off]
    return any(span.situation.deaf(*pair) for pair in combinations(nodes, 2))


def _deaf_until(spans: Sequence[Span], first: Span) -> float:
    until = first.end
    for span in spans:
        if span.start == until and _anyone_deaf(span):
            until = span.end
    return until


def two_owners(report: VipReport, macs: Mapping[str, str], evidence: Evidence) -> list[Finding]:
    """Times with more than one owner that were longer than they may be; `macs`: MAC -> node."""
    found = []
    for span in report.macs:
        names = sorted({macs.get(mac, mac) for mac in span.who})
        if len(names) < 2:
            continue
        seconds = span.end - span.start + report.raw_interval
        allowed, why = min(_allowed(pair, span.start, evidence) for pair in combinations(names, 2))
        if seconds > allowed:
            # A slow machine makes what is allowed longer; no stall makes a second owner.
            noise = _stalled(evidence.stalls, span.start - 0.5, span.end) if allowed else 0.0
            causes = (" and ".join(names), *filter(None, [why]))
            found.append(
                Finding(report.vip, "two owners", span.start, seconds, allowed, noise, causes)
            )
    return found


def _allowed(pair: tuple[str, str], start: float, evidence: Evidence) -> tuple[float, str]:
    """How long two nodes may both answer from `start` on."""
    until = _excused_until(pair, start, evidence.spans)
    if until > start:
        return until - start + evidence.slack, "deaf to each other"
    # The link came back at some instant of its healing, which counts as done only afterwards.
    about = [
        s.situation for s in evidence.spans if s.start <= start + EDGE_SECONDS and start < s.end
    ]
    if any(set(pair) & (each.standing - each.apart) for each in about):
        return FLAP_SECONDS + evidence.slack, "an agent does not run"
    return 0.0, ""


def _excused_until(pair: tuple[str, str], start: float, spans: Sequence[Span]) -> float:
    """The end of their deafness at `start`; then they stay owners until they talk themselves."""
    until = -FOR_EVER
    deaf = False
    for span in spans:
        if set(pair) - set(span.situation.nodes):
            return until
        if span.situation.deaf(*pair):
            deaf = True
        elif deaf and span.situation.talks(*pair):
            deaf = False
        if deaf and span.start <= max(start + DISCOVERY_SECONDS, until):
            until = span.end
    if until + DISCOVERY_SECONDS < start:
        return -FOR_EVER
    return until + DISCOVERY_SECONDS


def _stalled(stalls: Sequence[tuple[float, float]], start: float, end: float) -> float:
    return sum(max(0.0, min(end, until) - max(start, at)) for at, until in stalls)
