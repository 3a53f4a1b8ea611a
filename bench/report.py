"""Rows of a bench: one figure over all runs, its bound, and whether it holds. Pure.

An outage is the worst VIP of a run and the median of the runs; two owners is the maximum of all
runs. What must not show at all is bounded by the control run's own 99th percentile plus 10 ms.
Figures of one run are `bench.figures`', which rows a bench has is its own affair.
"""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum

import msgspec

from workers.lab.core.probe_report import ProbeReport
from workers.lab.core.timeline import percentile

SLACK_SECONDS = 0.010
HEAL = "heal"


class Bound(Enum):
    """Bounds that depend on the control runs."""

    REPORTED = "reported"
    UNNOTICED = "control p99 + 0.010"


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """A step that was done: `at` in monotonic seconds; of a move, the VIP and where it goes."""

    at: float
    what: str
    vip: str = ""
    node: str = ""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a scenario."""

    scenario: str
    victim: str
    struck_at: float | None
    victim_vips: tuple[str, ...]
    victim_mac: str
    probe: ProbeReport
    side: str = ""
    """Which of the labs that are measured side by side."""
    nodes: dict[str, str] = {}
    """Link address -> node."""
    done: tuple[Done, ...] = ()

    @property
    def healed_at(self) -> float:
        """When healing began; the end of the measure when nothing was healed."""
        return next((each.at for each in self.done if each.what == HEAL), self.probe.ended)


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
    figure: Callable[[Run], float | tuple[float, ...]]
    """One figure of a run, or one per thing that happened in it."""
    over: Callable[[Sequence[float]], float]
    bound: float | Bound
    unit: str = "s"


def control_p99(runs: Iterable[Run]) -> float | None:
    """The 99th percentile of every VIP's outage in the control runs; None without any."""
    found = [each.outage for run in runs if run.scenario == "control" for each in run.probe.vips]
    return percentile(found, 99) if found else None


def rows(runs: Sequence[Run], kinds: Iterable[Kind]) -> list[Row]:
    """One row per kind, in order; kinds without a run have no value and do not hold."""
    p99 = control_p99(runs)
    return [
        _row(kind, [run for run in runs if run.scenario == kind.scenario], p99) for kind in kinds
    ]


def _row(kind: Kind, runs: Sequence[Run], p99: float | None) -> Row:
    figures = tuple(round(each, 4) for run in runs for each in _several(kind.figure(run)))
    bound = _bound(kind.bound, p99)
    reported = kind.bound is Bound.REPORTED
    return row(kind.name, figures, kind.unit, bound, kind.over, reported=reported)


def row(
    name: str,
    figures: Sequence[float],
    unit: str,
    bound: float | None,
    over: Callable[[Sequence[float]], float] = statistics.median,
    *,
    reported: bool = False,
    better: str = "lower",
) -> Row:
    """A row out of its figures; without a figure or a bound to compare with it does not hold.

    Where `higher` is better, the bound is the least.
    """
    value = round(over(figures), 4) if figures else None
    holds: bool | None = None
    if not reported:
        holds = value is not None and bound is not None and _within(value, bound, better)
    return Row(
        name=name,
        value=value,
        unit=unit,
        bound=bound,
        better=better,
        runs=tuple(figures),
        holds=holds,
    )


def _within(value: float, bound: float, better: str) -> bool:
    return value >= bound if better == "higher" else value <= bound


def _several(figure: float | tuple[float, ...]) -> tuple[float, ...]:
    return figure if isinstance(figure, tuple) else (figure,)


def _bound(bound: float | Bound, p99: float | None) -> float | None:
    if isinstance(bound, float):
        return bound
    if bound is Bound.REPORTED or p99 is None:
        return None
    return round(p99 + SLACK_SECONDS, 4)


def over(run: Run, runs: Sequence[Run], kinds: Iterable[Kind]) -> list[str]:
    """Rows that `run` alone would break, bounds as of the control runs so far."""
    controls = [each for each in runs if each.scenario == "control"]
    if run.scenario == "control" or control_p99(controls) is None:
        controls = []
    kinds = [kind for kind in kinds if kind.scenario == run.scenario]
    if not controls:
        kinds = [kind for kind in kinds if not isinstance(kind.bound, Bound)]
    return [each.name for each in rows([*controls, run], kinds) if each.holds is False]


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
