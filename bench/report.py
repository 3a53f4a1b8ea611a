"""Rows of the failover bench: one figure over all runs, its bound, and whether it holds. Pure.

An outage is the worst VIP of a run and the median of the runs; two owners is the maximum of all
runs. What must not show at all is bounded by the control run's own 99th percentile plus 10 ms. No
reading is taken here; `bench.failover` hands in probe reports.
"""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum

import msgspec

from workers.lab.core.probe_report import ProbeReport, VipReport
from workers.lab.core.timeline import percentile

SLACK_SECONDS = 0.010
POWER_LOSS_SECONDS = 0.8
LEASE_SECONDS = 0.150


class Bound(Enum):
    """Bounds that depend on the control runs."""

    REPORTED = "reported"
    UNNOTICED = "control p99 + 0.010"


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a scenario."""

    scenario: str
    victim: str
    struck_at: float | None
    victim_vips: tuple[str, ...]
    victim_mac: str
    probe: ProbeReport


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the bench; `holds` is None where there is nothing to compare."""

    name: str
    value: float | None
    unit: str
    bound: float | None
    better: str = "lower"
    runs: tuple[float, ...]
    peers: dict[str, float] = {}
    holds: bool | None


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """How a row comes out of the runs of its scenario."""

    name: str
    scenario: str
    figure: Callable[[Run], float]
    over: Callable[[Sequence[float]], float]
    bound: float | Bound


def outage(run: Run) -> float:
    """The longest outage of any VIP."""
    return run.probe.outage


def two_owners(run: Run) -> float:
    """The longest time any VIP had two owners."""
    return run.probe.two_owners


def outage_after_lease(run: Run) -> float:
    """The worst of the victim's VIPs: from its kernel's last answer to the heir's first echo."""
    found = (_after_lease(run, run.probe.of(vip)) for vip in run.victim_vips)
    return max(found, default=0.0)


def _after_lease(run: Run, each: VipReport) -> float:
    last = max((span.end for span in each.macs if run.victim_mac in span.who), default=None)
    if last is None or run.struck_at is None:
        return run.probe.ended - run.probe.started
    heirs = (span for span in each.owners if span.start > run.struck_at)
    first = min((s.start for s in heirs if s.who != (run.victim,)), default=run.probe.ended)
    return max(0.0, first - last - each.interval)


KINDS = (
    Kind(
        name="control.outage",
        scenario="control",
        figure=outage,
        over=statistics.median,
        bound=Bound.REPORTED,
    ),
    *(
        Kind(
            name=f"{name}.outage", scenario=name, figure=outage, over=statistics.median, bound=bound
        )
        for name, bound in (
            ("power-loss", POWER_LOSS_SECONDS),
            ("kill-agent", Bound.UNNOTICED),
            ("split", Bound.UNNOTICED),
            ("broker-kill", Bound.UNNOTICED),
            ("broker-kill+power-loss", POWER_LOSS_SECONDS),
        )
    ),
    Kind(
        name="stop-agent.outage_after_lease",
        scenario="stop-agent",
        figure=outage_after_lease,
        over=statistics.median,
        bound=LEASE_SECONDS,
    ),
    *(
        Kind(name=f"{name}.two_owners", scenario=name, figure=two_owners, over=max, bound=0.0)
        for name in (
            "power-loss",
            "kill-agent",
            "stop-agent",
            "freeze",
            "split",
            "broker-kill",
            "broker-kill+power-loss",
        )
    ),
)


def control_p99(runs: Iterable[Run]) -> float | None:
    """The 99th percentile of every VIP's outage in the control runs; None without any."""
    found = [each.outage for run in runs if run.scenario == "control" for each in run.probe.vips]
    return percentile(found, 99) if found else None


def rows(runs: Sequence[Run], kinds: Iterable[Kind] = KINDS) -> list[Row]:
    """One row per kind, in order; kinds without a run have no value and do not hold."""
    p99 = control_p99(runs)
    return [
        _row(kind, [run for run in runs if run.scenario == kind.scenario], p99) for kind in kinds
    ]


def _row(kind: Kind, runs: Sequence[Run], p99: float | None) -> Row:
    figures = tuple(round(kind.figure(run), 4) for run in runs)
    bound = _bound(kind.bound, p99)
    return row(kind.name, figures, "s", bound, kind.over, reported=kind.bound is Bound.REPORTED)


def row(
    name: str,
    figures: Sequence[float],
    unit: str,
    bound: float | None,
    over: Callable[[Sequence[float]], float] = statistics.median,
    *,
    reported: bool = False,
) -> Row:
    """A row out of its figures; without a figure or a bound to compare with it does not hold."""
    value = round(over(figures), 4) if figures else None
    holds = None if reported else value is not None and bound is not None and value <= bound
    return Row(name=name, value=value, unit=unit, bound=bound, runs=tuple(figures), holds=holds)


def _bound(bound: float | Bound, p99: float | None) -> float | None:
    if isinstance(bound, float):
        return bound
    if bound is Bound.REPORTED or p99 is None:
        return None
    return round(p99 + SLACK_SECONDS, 4)


def timeline(run: Run, facts: Mapping[str, Sequence[str]] | None = None) -> list[str]:
    """A run told in lines, seconds from the fault: gaps, who answered, who was on the wire."""
    zero = run.struck_at if run.struck_at is not None else run.probe.started
    vips = ", ".join(run.victim_vips)
    lines = [f"{run.scenario}: victim {run.victim} ({run.victim_mac}) held {vips}"]
    for each in run.probe.vips:
        if not (each.gaps or each.two_owners or each.vip in run.victim_vips):
            continue
        lines.append(f"  {each.vip}: outage {each.outage:.3f}, two owners {each.two_owners:.3f}")
        lines += [
            f"    {s.start - zero:+8.3f} .. {s.end - zero:+8.3f} echo from {' + '.join(s.who)}"
            for s in each.owners
        ]
        lines += [
            f"    {s.start - zero:+8.3f} .. {s.end - zero:+8.3f} wire {' + '.join(s.who) or '-'}"
            for s in each.macs
        ]
        lines += [f"    {g.start - zero:+8.3f} gap of {g.seconds:.3f}" for g in each.gaps]
    for node, told in (facts or {}).items():
        lines += [f"  {node}: {line}" for line in told]
    return lines
