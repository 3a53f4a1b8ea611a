"""Deaths while trees are applied, and while revisions are committed and received, counted.

The children and how they die are the integration tests' own: `tests.integration.deaths`,
`deaths_committing` and `deaths_managing`. Every step is tried first, then random instants fill up
the number.
"""

import itertools
import random
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.options import Teller
from tests.integration import deaths, deaths_committing, deaths_managing


@dataclass(frozen=True, slots=True)
class Found:
    """What came of the deaths."""

    killed: int
    half_applied: int
    lost_commits: int


def measure(runs: int, tell: Teller) -> Found:
    """Kill `runs` processes: half of them apply, the others use git or are a manager's."""
    with tempfile.TemporaryDirectory(prefix="muster-bench-") as directory:
        place = Path(directory)
        for name in ("applying", "committing", "managing"):
            (place / name).mkdir()
        killed, half = _while_applying(place / "applying", runs // 2, tell)
        git = _while_committing(place / "committing", runs // 4, tell)
        manager = _while_managing(place / "managing", runs - runs // 2 - runs // 4, tell)
    return Found(killed + git.killed + manager.killed, half, git.lost + manager.lost)


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
    _say(tally, f"{runs} who committed or received (seed {seed})", tell)
    return tally


def _while_managing(place: Path, runs: int, tell: Teller) -> deaths_committing.Tally:
    seed = _seed()
    tally = deaths_managing.run(place, runs, seed)
    _say(tally, f"{runs} managers that committed (seed {seed})", tell)
    return tally


def _say(tally: deaths_committing.Tally, who: str, tell: Teller) -> None:
    for trouble in tally.troubles:
        tell(trouble)
    tell(f"{tally.killed} of {who} killed: {tally.lost} of {tally.told} sure revisions lost")


def _seed() -> int:
    return random.SystemRandom().randrange(1 << 32)
