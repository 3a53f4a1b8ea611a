"""A small seeded sample of replicas; `python -m tests.simulation.replicas` plays thousands."""

from __future__ import annotations

import pytest

from tests.simulation.replicas import Host, run
from tests.simulation.replicas_mutations import HOSTS, MAKES
from workers.replication.core.tables import Tables

FIRST_SEED = 7_000
SAMPLE = 40
WITHIN = 60


def test_replicas_agree_with_what_happened() -> None:
    """Given schedules of any fault, when they are played, then nobody miscounts."""
    found = {seed: told for seed in range(FIRST_SEED, FIRST_SEED + SAMPLE) if (told := run(seed))}

    assert found == {}, "replay: python -m tests.simulation.replicas SEED 1"


@pytest.mark.parametrize("name", [*MAKES, *HOSTS])
def test_a_safeguard_taken_out_is_noticed(name: str) -> None:
    """Given replicas without one safeguard, when few schedules run, then one is violated."""
    make, host = MAKES.get(name, Tables), HOSTS.get(name, Host)
    noticed = (seed for seed in range(1, WITHIN) if run(seed, make, host))

    assert next(noticed, None) is not None, f"{WITHIN} schedules did not notice {name}"
