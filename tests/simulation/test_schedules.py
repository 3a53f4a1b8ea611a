"""A small seeded sample of every fault class; the full counts are `script/simulate`'s."""

from __future__ import annotations

import pytest

from tests.simulation.catalogue import CLASSES
from tests.simulation.schedules import run
from tests.simulation.trace import Trace

FIRST_SEED = 20_000
SAMPLE = 12
SAMPLES = {"random": 60, "many-nodes": 4}
"""The first finds most, the second takes a second each."""


@pytest.mark.parametrize("name", CLASSES)
def test_bounds_hold_in_a_sample_of(name: str) -> None:
    """Given schedules of one class, when they run, then no bound is broken."""
    for seed in range(FIRST_SEED, FIRST_SEED + SAMPLES.get(name, SAMPLE)):
        outcome = run(name, seed)
        if outcome.violation is not None:
            trace = Trace()
            run(name, seed, trace=trace)
            replay = f"script/simulate --seed {seed} --class {name} --trace"
            pytest.fail(f"{outcome.violation}\nreplay: {replay}\n{trace}")


def test_a_schedule_replays_exactly() -> None:
    """Given one seed, when it runs twice, once with a trace, then everything is the same."""
    for seed in range(3):
        assert run("random", seed) == run("random", seed, trace=Trace())
