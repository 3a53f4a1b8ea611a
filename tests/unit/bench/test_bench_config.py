"""The configuration bench's own figures: polling worked out, rows with a least, the big history."""

import random

import pytest

from bench import config_history
from bench.config import polled_within
from bench.report import row


def test_polling_once_a_minute_is_worked_out_as_it_happens() -> None:
    chance = random.Random(7)
    waits = sorted(max(chance.uniform(0, 60) for _ in range(3)) for _ in range(20_000))
    assert polled_within(0.5, 3) == pytest.approx(waits[10_000], abs=0.5)
    assert polled_within(0.95, 3) == pytest.approx(waits[19_000], abs=0.5)
    assert polled_within(1.0, 3) == 60


def test_a_row_may_have_a_least_instead_of_a_most() -> None:
    assert row("kill.runs", [500.0], "deaths", 500.0, better="higher").holds
    assert not row("kill.runs", [499.0], "deaths", 500.0, better="higher").holds
    assert row("kill.lost_commits", [0.0], "revisions", 0.0).holds


def test_a_large_history_has_as_many_files_as_it_is_asked_for() -> None:
    paths = config_history.paths(10_000)
    assert len(set(paths)) == 10_000
    nodes = {path.split("/")[1] for path in paths if "/own/" in path}
    assert len(nodes) == 100
