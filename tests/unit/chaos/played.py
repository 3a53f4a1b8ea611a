"""Rounds as if they had been carried out: every step at its very instant, from second 100 on."""

from collections.abc import Sequence

from chaos.core.allowances import allowances
from chaos.core.course import Performed, course
from chaos.core.judgement import Evidence
from chaos.core.steps import Change, Deed, Heal, HealAll, Inject, Step
from workers.lab.core.faults import Fault, FaultKind
from workers.lab.core.hosts import Host, hosts_of
from workers.lab.core.probe_report import VipReport
from workers.lab.core.targets import fault_on, healed_by
from workers.lab.core.timeline import Gap, Span

SUBNET = "198.18.0.0/24"
VIP = "198.18.0.101"
ZERO, END = 100.0, 112.0
INTERVAL = 0.005
SLACK = 0.01


def hosts(nodes: int = 3, brokers: int = 1) -> tuple[Host, ...]:
    return hosts_of(SUBNET, nodes, brokers)


def performed(steps: Sequence[Step], there: Sequence[Host]) -> list[Performed]:
    """What carrying out does to the list of faults."""
    faults: tuple[Fault, ...] = ()
    found = []
    for step in steps:
        touched: tuple[Fault, ...] = ()
        match step.deed:
            case Inject(kind, words):
                touched = (fault_on(kind, words, there),)
                faults += touched if kind is not FaultKind.KILL_AGENT else ()
            case Heal(kind, names):
                touched = tuple(healed_by((kind.value, *names), faults, there))
            case HealAll():
                touched = faults
            case Change():
                pass
        if not isinstance(step.deed, Inject):
            faults = tuple(fault for fault in faults if fault not in touched)
        found.append(Performed(step, ZERO + step.at, ZERO + step.at + 0.01, touched))
    return found


def evidence(done: Sequence[Performed], there: Sequence[Host]) -> Evidence:
    spans = course(done, there, END + 1)
    return Evidence(spans, allowances(done, spans, END + 1), {}, {}, (), SLACK)


def played(*deeds: tuple[float, Deed], nodes: int = 3, brokers: int = 1) -> Evidence:
    there = hosts(nodes, brokers)
    return evidence(performed([Step(at, deed) for at, deed in deeds], there), there)


def fault(kind: FaultKind, *words: str) -> Inject:
    return Inject(kind, words)


def macs(nodes: int = 3) -> dict[str, str]:
    return {host.mac: host.name for host in hosts(nodes)}


def mac(node: str) -> str:
    return next(address for address, name in macs(9).items() if name == node)


def report(
    *answered: tuple[float, float, str],
    wire: Sequence[tuple[float, float, tuple[str, ...]]] = (),
) -> VipReport:
    """What the probe says of a VIP: spans of echoes; the wire is silent in gaps unless given."""
    spans = [(ZERO + start, ZERO + end, who) for start, end, who in answered]
    edges = [ZERO, *(edge for start, end, _ in spans for edge in (start, end)), END]
    pairs = [(edges[i], edges[i + 1]) for i in range(0, len(edges), 2)]
    seen = [
        Span(tuple(map(mac, who)), ZERO + start, ZERO + end)
        for start, end, who in wire or [(a, b, (w,)) for a, b, w in answered]
    ]
    return VipReport(
        vip=VIP,
        measured_by="echo",
        interval=INTERVAL,
        sent=0,
        answered=0,
        first=None,
        last=None,
        outage=0.0,
        outage_from=ZERO,
        gaps=tuple(Gap(a, b, b - a - INTERVAL) for a, b in pairs if b - a > 0.02),
        owners=tuple(Span((who,), start, end) for start, end, who in spans),
        two_owners=0.0,
        two_owners_from=None,
        raw_interval=INTERVAL,
        macs=tuple(seen),
    )
