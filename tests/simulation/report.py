"""What a batch showed: a table for people, rows for the bench."""

from __future__ import annotations

import json
import os
import platform
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from tests.simulation.catalogue import CLASSES
from tests.simulation.classes_random import FOR_EVER
from tests.simulation.schedules import Outcome


def by_class(outcomes: list[Outcome]) -> dict[str, list[Outcome]]:
    """Outcomes grouped by class, in the catalogue's order."""
    groups: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        groups[outcome.name].append(outcome)
    return {name: groups[name] for name in CLASSES if name in groups}


def print_table(outcomes: list[Outcome], seconds: float) -> None:
    """One line per class, durations in seconds."""
    head = f"{'class':<20}{'schedules':>10}{'violations':>11}{'outage s':>11}"
    print(f"{head}{'planned s':>11}{'two owners s':>14}")
    for name, group in by_class(outcomes).items():
        outage = max(o.worst_outage for o in group)
        two = max(o.worst_two_owners for o in group)
        bad = sum(1 for o in group if o.violation)
        planned = max(o.worst_planned for o in group)
        print(f"{name:<20}{len(group):>10}{bad:>11}{outage:>11.3f}{planned:>11.3f}{two:>14.3f}")
    bad = sum(1 for o in outcomes if o.violation)
    rate = len(outcomes) / seconds
    print(f"{len(outcomes)} schedules, {bad} violations, {seconds:.1f} s ({rate:.1f} per second)")


def write_rows(outcomes: list[Outcome], path: str) -> None:
    """The bench's form: the worst of all schedules, and the most that one of them allowed."""
    violations = [float(outcome.violation is not None) for outcome in outcomes]
    rows = [_row("simulation.violations", violations, "schedules", 0.0, sum)]
    for name, group in by_class(outcomes).items():
        outage = max(outcome.bounds.outage for outcome in group)
        limit = outage if outage < FOR_EVER else None
        two_owners = max(outcome.bounds.two_owners for outcome in group)
        outages = [outcome.worst_outage for outcome in group]
        doubles = [outcome.worst_two_owners for outcome in group]
        rows.append(_row(f"simulation.{name}.outage", outages, "s", limit, max))
        rows.append(_row(f"simulation.{name}.two_owners", doubles, "s", two_owners, max))
    machine = {"cores": os.cpu_count(), "python": platform.python_version()}
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps({"rows": rows, "machine": machine}) + "\n")


def _row(
    name: str,
    values: list[float],
    unit: str,
    bound: float | None,
    over: Callable[[list[float]], float],
) -> dict[str, object]:
    value = over(values)
    return {
        "name": name,
        "value": round(value, 4),
        "unit": unit,
        "bound": bound,
        "better": "lower",
        "runs": [round(one, 4) for one in values],
        "peers": {},
        "holds": None if bound is None else value <= bound + 1e-6,
    }
