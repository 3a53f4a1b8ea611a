"""The comparison as people read it: one line per fault, ours and keepalived's at both intervals."""

import statistics
from collections.abc import Sequence

from rich.table import Table

from bench import figures
from bench.keepalived_rows import of_side
from bench.keepalived_sides import BOTH, OURS, OURS_SHORT, PEER, PEER_SHORT
from bench.report import Run

_COLUMNS = {
    OURS: f"ours ({OURS.interval:g} s)",
    PEER: f"keepalived ({PEER.interval:g} s)",
    OURS_SHORT: f"ours ({OURS_SHORT.interval:g} s)",
    PEER_SHORT: f"keepalived ({PEER_SHORT.interval:g} s)",
}
_HEALED = ("isolate", "split", "heal")
"""Healed long before the end of the measure."""


def comparison(runs: Sequence[Run]) -> Table:
    """Per fault: outage (median), two owners and a client that is wrong after healing (maxima)."""
    shown = Table(title="seconds: outage (median) / two owners (most) / client wrong after healing")
    shown.add_column("fault")
    for heading in _COLUMNS.values():
        shown.add_column(heading, justify="right")
    for scenario in BOTH:
        chosen = [run for run in runs if run.scenario == scenario]
        if chosen:
            cells = (_cell(of_side(chosen, side), scenario) for side in _COLUMNS)
            shown.add_row(scenario, *cells)
    return shown


def _cell(runs: Sequence[Run], scenario: str) -> str:
    if not runs:
        return "-"
    told = [
        f"{statistics.median(figures.outage_until_healing(run) for run in runs):.3f}",
        f"{max(figures.two_owners(run) for run in runs):.3f}",
    ]
    if scenario in _HEALED:
        told.append(f"{max(figures.client_wrong(run) for run in runs):.3f}")
    return " / ".join(told)
