"""From what was seen of a round to a result: bounds, rest, and the time line of who said what.

The judgement itself is `chaos.core.judgement`'s; here its evidence is gathered from the agents'
files.
"""

from collections import defaultdict

from chaos.core import judgement
from chaos.core.allowances import allowances
from chaos.core.course import Performed, course
from chaos.core.result import Result, combination
from chaos.core.steps import Change, ChangeKind, HealAll, Layout, Round
from chaos.rounds import Seen
from chaos.telling import Events, finding, time_line
from workers.failover.core.actions import Actor, FactKind
from workers.lab.core.faults import FaultKind
from workers.lab.core.probe_report import ProbeReport
from workers.lab.core.timeline import percentile
from workers.lab.journals import events_between
from workers.lab.lab import Lab

AROUND_SECONDS = 1.0
_PLANNED = (Actor.OPERATOR.value, Actor.BALANCE.value)


def judge(
    lab: Lab,
    layout: Layout,
    round_: Round,
    seen: Seen,
    slack: float,
    unrest: tuple[float, list[str]],
) -> Result:
    """The result of a round; `unrest`: how long rest took to come, and what was missing then."""
    events = _events(lab, seen)
    evidence = _evidence(lab, layout, seen, events, slack)
    macs = {host.mac: host.name for host in lab.hosts.values()}
    found = []
    for report in seen.probe.vips:
        found += judgement.outages(report, macs, evidence)
        found += judgement.two_owners(report, macs, evidence)
    waited, wanting = unrest
    zero = seen.probe.started
    wrong = [finding(each, zero) for each in found if not each.noisy]
    wrong += [f"not at rest after {waited:.0f} s: {sentence}" for sentence in wanting]
    noise = [finding(each, zero) for each in found if each.noisy]
    return Result(
        seed=round_.seed,
        number=round_.number,
        combination=combination(round_),
        outage=round(_worst(seen.probe, layout, evidence), 3),
        two_owners=round(seen.probe.two_owners, 3),
        rest_seconds=round(waited, 2),
        violations=tuple(wrong),
        noise=tuple(noise),
        lines=tuple(time_line(lab, seen, evidence, events)),
    )


def _evidence(
    lab: Lab, layout: Layout, seen: Seen, events: Events, slack: float
) -> judgement.Evidence:
    end = seen.probe.ended + AROUND_SECONDS
    hosts = lab.record.hosts
    spans = course(seen.performed, hosts, end)
    planned: dict[str, list[float]] = defaultdict(list)
    for told in events.values():
        for at, event in told:
            if event["kind"] == FactKind.RELEASED and event.get("actor") in _PLANNED:
                planned[event["vip"]].append(at)
    return judgement.Evidence(
        spans=spans,
        allowances=allowances(seen.performed, spans, end),
        undefined=_undefined(layout, seen, end),
        planned=planned,
        stalls=seen.stalls,
        slack=slack,
    )


def _undefined(layout: Layout, seen: Seen, end: float) -> dict[str, list[tuple[float, float]]]:
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for vip in layout.spare_vips:
        added = [d.began for d in seen.performed if _is(d, ChangeKind.ADD_VIP, vip)]
        first = seen.probe.of(vip).first
        shown = first if added and first is not None else end
        found[vip].append((0.0, shown))
    for done in seen.performed:
        deed = done.step.deed
        if isinstance(deed, Change) and deed.kind is ChangeKind.REMOVE_VIP:
            found[deed.target].append((done.began, end))
        elif isinstance(deed, HealAll):
            for vip in layout.spare_vips:
                found[vip].append((done.began, end))
    return found


def _is(done: Performed, kind: ChangeKind, target: str) -> bool:
    deed = done.step.deed
    return isinstance(deed, Change) and (deed.kind, deed.target) == (kind, target)


def _worst(probe: ProbeReport, layout: Layout, evidence: judgement.Evidence) -> float:
    """The longest gap of VIPs that were defined all the time, that no excuse explains."""
    found = [0.0]
    for report in probe.vips:
        if report.vip in layout.spare_vips or evidence.undefined.get(report.vip):
            continue
        excuses = evidence.allowances.excuses
        found += [
            gap.seconds
            for gap in report.gaps
            if not any(e.start - 0.1 <= gap.end and gap.start <= e.end + 0.1 for e in excuses)
        ]
    return max(found)


def _events(lab: Lab, seen: Seen) -> Events:
    steps = {0}
    for done in seen.performed:
        for fault in done.faults:
            if fault.kind is FaultKind.CLOCK_STEP:
                steps.add(fault.seconds)
    start, end = seen.probe.started - AROUND_SECONDS, seen.probe.ended + AROUND_SECONDS
    return {
        node: events_between(lab.record, node, start, end, sorted(steps, key=abs))
        for node in lab.nodes
    }


def control_slack(probe: ProbeReport, seconds: float) -> float:
    """The 99th percentile of what VIPs were silent while nothing was done, plus a margin."""
    return percentile([each.outage for each in probe.vips], 99) + seconds
