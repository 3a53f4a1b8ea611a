"""kill -9 while a manager is restored: whoever repeats it gets there, nothing is left behind."""

import os
import random
from pathlib import Path

import pytest

from tests.integration import deaths_restoring

RUNS = int(os.environ.get("DEATHS", "6"))
SEED = int(os.environ.get("SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)


@pytest.mark.timeout(3600)
def test_a_restoration_that_is_killed_is_repeated(tmp_path: Path) -> None:
    print(f"SEED={SEED} DEATHS={RUNS}")
    fixed = deaths_restoring.STEPS + len(deaths_restoring.MOVES)

    assert deaths_restoring.run(tmp_path, fixed + RUNS, SEED) == []
