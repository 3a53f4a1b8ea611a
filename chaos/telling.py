"""The time line of a round: steps, what agents said, what the probe saw, and what was allowed."""

from collections.abc import Iterator
from typing import Any

from chaos.core.allowances import Allowances
from chaos.core.judgement import Evidence, Finding
from chaos.rounds import Seen
from workers.lab.core.probe_report import VipReport
from workers.lab.lab import Lab

Events = dict[str, list[tuple[float, dict[str, Any]]]]
"""Node -> its events with their monotonic seconds."""


def finding(each: Finding, zero: float) -> str:
    """What was found, as one sentence."""
    causes = "; ".join(dict.fromkeys(each.causes))
    return (
        f"{each.vip}: {each.what} of {each.seconds:.3f} s at {each.at - zero:+.3f}, "
        f"allowed {each.allowed:.3f}: {causes}"
    )


def time_line(lab: Lab, seen: Seen, evidence: Evidence, events: Events) -> list[str]:
    """Seconds from the probe's start."""
    zero = seen.probe.started
    macs = {host.mac: host.name for host in lab.hosts.values()}
    told = [
        (d.began, f"== {d.step.deed} (took {d.ended - d.began:.3f} s) {d.note}")
        for d in seen.performed
    ]
    for node, found in events.items():
        told += [(at, f"{node}: {_event(event)}") for at, event in found]
    lines = [f"{at - zero:+8.3f} {line}" for at, line in sorted(told)]
    for report in seen.probe.vips:
        lines += _seen(report, macs, zero)
    lines += ["what was allowed:", *_allowed(evidence.allowances, zero)]
    return [*lines, *(f"{_from(a, b, zero)} the machine stalled" for a, b in evidence.stalls)]


def _seen(report: VipReport, macs: dict[str, str], zero: float) -> Iterator[str]:
    yield f"{report.vip}: outage {report.outage:.3f}, two owners {report.two_owners:.3f}"
    for span in report.owners:
        yield f"{_from(span.start, span.end, zero)} echo {span.who[0]}"
    for span in report.macs:
        who = " + ".join(macs.get(mac, mac) for mac in span.who) or "-"
        yield f"{_from(span.start, span.end, zero)} wire {who}"
    for gap in report.gaps:
        yield f"{gap.start - zero:+8.3f} gap of {gap.seconds:.3f}"


def _allowed(allowances: Allowances, zero: float) -> Iterator[str]:
    for each in allowances.disturbances:
        nodes = " ".join(sorted(each.nodes)) or "lengthens only"
        yield f"{_from(each.at, each.until, zero)} {each.seconds} s ({nodes}): {each.cause}"
    for excuse in allowances.excuses:
        nodes = " ".join(sorted(excuse.nodes))
        yield f"{_from(excuse.start, excuse.end, zero)} excused ({nodes}): {excuse.cause}"


def _from(start: float, end: float, zero: float) -> str:
    return f"{start - zero:+8.3f} .. {end - zero:+8.3f}"


def _event(event: dict[str, Any]) -> str:
    hidden = ("time", "number")
    return ", ".join(f"{name} {value}" for name, value in event.items() if name not in hidden)
