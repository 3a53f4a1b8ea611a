"""Every safeguard taken out is noticed: otherwise the simulation proves nothing."""

from __future__ import annotations

import pytest

from tests.simulation.mutations import MUTATIONS
from tests.simulation.schedules import run


@pytest.mark.parametrize("name", [name for name in MUTATIONS if name])
def test_mutation_is_found(name: str) -> None:
    """Given a machine without one safeguard, when few schedules run, then one is violated."""
    mutation = MUTATIONS[name]
    found = (
        seed
        for seed in range(1, mutation.within + 1)
        if run(mutation.class_name, seed, name).violation is not None
    )
    assert next(found, None) is not None, f"{mutation.within} schedules did not notice {name}"


@pytest.mark.parametrize("name", [name for name in MUTATIONS if name])
def test_the_product_itself_passes_the_schedule_that_finds(name: str) -> None:
    """Given the first schedule that notices a mutation, then the whole machine passes it."""
    mutation = MUTATIONS[name]
    for seed in range(1, mutation.within + 1):
        if run(mutation.class_name, seed, name).violation is not None:
            assert run(mutation.class_name, seed).violation is None
            return
