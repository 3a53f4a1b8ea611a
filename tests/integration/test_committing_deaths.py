"""Power loss and kill -9 while revisions are made and received: none that was sure is lost."""

import os
import random
from itertools import islice
from pathlib import Path

import pytest

from tests.integration import deaths_managing
from tests.integration.deaths_committing import fixed_deaths, random_deaths, run

RUNS = int(os.environ.get("DEATHS", "20"))
SEED = int(os.environ.get("SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)


def test_a_death_between_two_steps_loses_nothing(tmp_path: Path) -> None:
    deaths = fixed_deaths()
    tally = run(tmp_path, iter(deaths))
    assert tally.troubles == []
    assert (tally.killed, tally.lost) == (len(deaths), 0)
    assert tally.told == len(deaths)  # the first of each; the second is the one that dies


@pytest.mark.timeout(3600)
def test_a_death_at_random_loses_nothing(tmp_path: Path) -> None:
    print(f"SEED={SEED} DEATHS={RUNS}")
    tally = run(tmp_path, islice(random_deaths(SEED), RUNS))
    assert tally.troubles == []
    assert (tally.killed, tally.lost) == (RUNS, 0)
    assert tally.told >= RUNS


@pytest.mark.timeout(3600)
def test_a_death_of_a_manager_at_any_statement_loses_nothing(tmp_path: Path) -> None:
    print(f"SEED={SEED} DEATHS={RUNS}")
    runs = 44 + RUNS // 4
    tally = deaths_managing.run(tmp_path, runs, SEED)
    assert tally.troubles == []
    assert tally.lost == 0
    assert tally.killed == runs
