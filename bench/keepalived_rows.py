"""The rows of the comparison: our bounds as the fault table has them, keepalived's figures beside.

An outage is the worst VIP of a run and the median of the runs, two owners and a client that is
wrong the maximum of all runs. A ratio is that of the medians; its runs are pairs of one round.
"""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from bench import figures
from bench.keepalived_sides import MANAGED, OURS, OURS_SHORT, PEER, PEER_SHORT, Side
from bench.report import Bound, Kind, Row, Run, rows
from bench.scenarios import CUT_SECONDS, FLAP_SECONDS
from workers.lab.core.timeline import percentile

DEATH_SECONDS = 0.6 + 0.1
LEASE_SECONDS = 0.150
PLANNED_SECONDS = 0.020
CLIENT_SECONDS = 1.0
INTERVAL_SECONDS = 0.2
FLAP_OWNERS_SECONDS = 0.03 + 0.1
CUT_OWNERS_SECONDS = CUT_SECONDS + INTERVAL_SECONDS
RATIO_DEFAULT, RATIO_EQUAL = 0.25, 1.0
Figure = Callable[[Run], float | tuple[float, ...]]


def _kind(
    scenario: str,
    what: str,
    figure: Figure,
    bound: float | Bound,
    over: Callable[[Sequence[float]], float] = statistics.median,
    unit: str = "s",
) -> Kind:
    name = f"{scenario}.{what}"
    return Kind(name=name, scenario=scenario, figure=figure, over=over, bound=bound, unit=unit)


def _outage(scenario: str, bound: float | Bound, figure: Figure = figures.outage) -> Kind:
    return _kind(scenario, "outage", figure, bound)


def _two(scenario: str, bound: float = 0.0) -> Kind:
    return _kind(scenario, "two_owners_max", figures.two_owners, bound, max)


def _client(scenario: str) -> Kind:
    return _kind(scenario, "client_wrong_max", figures.client_wrong, CLIENT_SECONDS, max)


def _kept(scenario: str) -> Kind:
    return _kind(scenario, "healed_outage", figures.kept_outage, Bound.UNNOTICED)


def _beyond_flap(run: Run) -> float:
    return max(0.0, run.probe.outage - FLAP_SECONDS)


def _p99(values: Sequence[float]) -> float:
    return percentile(values, 99)


_OUTAGES: tuple[tuple[str, float | Bound, Figure], ...] = (
    ("control", Bound.REPORTED, figures.outage),
    ("power-loss", DEATH_SECONDS, figures.outage),
    ("cable", DEATH_SECONDS, figures.outage),
    ("kill-agent", Bound.UNNOTICED, figures.outage),
    ("kill-agent-for-good", LEASE_SECONDS, figures.outage),
    ("stop-agent", LEASE_SECONDS, figures.outage),
    ("freeze", LEASE_SECONDS, figures.outage_after_lease),
    ("isolate", DEATH_SECONDS, figures.outage_until_healing),
    ("clean-stop", PLANNED_SECONDS, figures.outage),
    ("drain", PLANNED_SECONDS, figures.outage),
    ("planned-move", PLANNED_SECONDS, figures.outage),
    ("split", Bound.UNNOTICED, figures.outage_until_healing),
    ("heal", Bound.UNNOTICED, figures.kept_outage),
    ("broker-kill", Bound.UNNOTICED, figures.outage),
    ("broker-freeze", Bound.UNNOTICED, figures.outage),
    ("broker-cut", Bound.UNNOTICED, figures.outage),
    ("broker-kill+power-loss", DEATH_SECONDS, figures.outage),
    ("clock-step", Bound.UNNOTICED, figures.outage),
    ("stop-agent+link-flap", Bound.UNNOTICED, _beyond_flap),
    ("double-cut", Bound.UNNOTICED, figures.outage),
    ("double-cut-quorum", DEATH_SECONDS, figures.outage),
)
_OWNERS = {
    "heal": INTERVAL_SECONDS,
    "stop-agent+link-flap": FLAP_OWNERS_SECONDS,
    "double-cut": CUT_OWNERS_SECONDS,
}
KINDS = (
    *(_outage(*each) for each in _OUTAGES),
    *(_two(name, _OWNERS.get(name, 0.0)) for name, _, _ in _OUTAGES if name != "control"),
    _client("heal"),
    _client("isolate"),
    _client("split"),
    _kept("freeze"),
    _kept("isolate"),
    _kept("split"),
    _kind("planned-move", "outage_p99", figures.move_outages, PLANNED_SECONDS, _p99),
    _kind("planned-move", "unmoved_max", figures.unmoved, 0.0, max, "moves"),
)
MANAGED_KINDS = (
    Kind(
        name="manager-control.outage",
        scenario="control",
        figure=figures.outage,
        over=statistics.median,
        bound=Bound.REPORTED,
    ),
    _outage("manager-down", Bound.UNNOTICED),
    _outage("manager-down+power-loss", DEATH_SECONDS),
    _two("manager-down"),
    _two("manager-down+power-loss"),
)
RATIOS = {
    "power-loss.ratio_default": ("power-loss", OURS, PEER, RATIO_DEFAULT),
    "power-loss.ratio_equal_interval": ("power-loss", OURS_SHORT, PEER_SHORT, RATIO_EQUAL),
    "cable.ratio_equal_interval": ("cable", OURS_SHORT, PEER_SHORT, RATIO_EQUAL),
    "isolate.ratio_equal_interval": ("isolate", OURS_SHORT, PEER_SHORT, RATIO_EQUAL),
}
SCENARIO_OF = {kind.name: kind.scenario for kind in (*KINDS, *MANAGED_KINDS)} | {
    name: scenario for name, (scenario, *_) in RATIOS.items()
}
"""Row -> the scenario that it needs."""


def of_side(runs: Iterable[Run], side: Side) -> list[Run]:
    """The runs of one lab."""
    return [run for run in runs if run.side == side.name]


def compared(runs: Sequence[Run]) -> list[Row]:
    """Rows of our faults with the figures of the other sides, then the ratios."""
    tables = {
        side.name: {each.name: each.value for each in rows(of_side(runs, side), KINDS)}
        for side in (PEER, OURS_SHORT, PEER_SHORT)
    }
    ours = rows(of_side(runs, OURS), KINDS)
    return [_beside(each, tables) for each in ours] + [_ratio(runs, name) for name in RATIOS]


def managed(runs: Sequence[Run]) -> list[Row]:
    """Rows of the lab that has a manager."""
    return rows(of_side(runs, MANAGED), MANAGED_KINDS)


def _beside(row: Row, tables: Mapping[str, Mapping[str, float | None]]) -> Row:
    found = {side: table[row.name] for side, table in tables.items()}
    peers = {side: value for side, value in found.items() if value is not None}
    return msgspec.structs.replace(row, peers=peers)


def _ratio(runs: Sequence[Run], name: str) -> Row:
    scenario, ours, theirs, bound = RATIOS[name]
    pairs = [
        [
            figures.outage_until_healing(run)
            for run in of_side(runs, side)
            if run.scenario == scenario
        ]
        for side in (ours, theirs)
    ]
    medians = [statistics.median(each) if each else 0.0 for each in pairs]
    value = round(medians[0] / medians[1], 4) if all(pairs) and medians[1] else None
    return Row(
        name=name,
        value=value,
        unit="ratio",
        bound=bound,
        runs=tuple(round(a / b, 4) for a, b in zip(*pairs, strict=False) if b),
        peers={
            side.name: round(m, 4) for side, m in zip((ours, theirs), medians, strict=True) if m
        },
        holds=value is not None and value <= bound,
    )
