"""Deaths while trees are applied, and while revisions are committed and received, counted.

The children and how they die are the integration tests' own: `tests.integration.deaths` and
`deaths_committing`. Every step is tried first, then random instants fill up the number.
"""

import itertools
import random
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.options import Teller
from tests.integration import deaths, deaths_committing


@dataclass(frozen=True, slots=True)
class Found:
    """What came of the deaths."""

    killed: int
    half_applied: int
    lost_commits: int


def measure(runs: int, tell: Teller) -> Found:
    """Kill `runs` processes; seeds are told."""
    with tempfile.TemporaryDirectory(prefix="muster-bench-") as directory:
        applying, committing = Path(directory) / "applying", Path(directory) / "committing"
        for place in (applying, committing):
            place.mkdir()
        killed, half = _while_applying(applying, runs // 2, tell)
        tally = _while_committing(committing, runs - runs // 2, tell)
    return Found(killed + tally.killed, half, tally.lost)


def _while_applying(place: Path, runs: int, tell: Teller) -> tuple[int, int]:
    """How many workers were killed, and after how many of these a tree was half there."""
    seed = _seed()
    fixed = deaths.fixed_plans(place)
    tell(f"{len(fixed)} workers die between two steps, others at random with seed {seed}")
    plans = itertools.chain(fixed, deaths.random_plans(place, seed))
    killed = half = number = 0
    while killed < runs:
        plan = next(plans)
        number += 1
        try:
            killed += deaths.survives(place / f"run-{number}", plan)
        except AssertionError as error:
            killed += 1
            half += 1
            tell(f"{plan.deaths}: {error}")
    tell(f"{killed} of {number} workers killed while they applied, {half} trees half applied")
    return killed, half


def _while_committing(place: Path, runs: int, tell: Teller) -> deaths_committing.Tally:
    seed = _seed()
    planned = deaths_committing.random_deaths(seed)
    chosen = itertools.chain(deaths_committing.fixed_deaths(), planned)
    tally = deaths_committing.run(place, itertools.islice(chosen, runs))
    for trouble in tally.troubles:
        tell(trouble)
    told = f"{tally.killed} of {runs} killed while they committed or received (seed {seed})"
    tell(f"{told}: {tally.lost} of {tally.told} revisions lost")
    return tally


def _seed() -> int:
    return random.SystemRandom().randrange(1 << 32)
