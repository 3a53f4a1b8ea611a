"""What the fates of recipients at three Postfix come to: nothing over the bound, or how much."""

import pytest

from bench.errors import BenchError
from bench.replication_mail import ADMITTED_ROW, OVER_ROW, judged
from bench.replication_overshoot import bound_of
from tests.lab.limiting import LIMIT, Fate

SECONDS, NODES = 40.0, 3
ASKED = 800
"""Of each node: 20 a second."""
BOUND = bound_of(NODES * ASKED / SECONDS, 1) + (NODES - 1) * 100


def fates(over: int) -> list[Fate]:
    """So many were admitted beyond the limit, by three nodes that were asked alike."""
    found = []
    for number in range(NODES):
        count = (LIMIT.most + over) // NODES + (number < (LIMIT.most + over) % NODES)
        found.append(Fate([float(at % 40) for at in range(count)], [1.0] * (ASKED - count)))
    return found


@pytest.mark.parametrize(("over", "beyond"), [(0, 0), (47, 0), (int(BOUND), 0), (500, 137)])
def test_what_is_beyond_the_bound_is_told(over: int, beyond: int) -> None:
    rows = {one.name: one for one in judged(fates(over), SECONDS, 0)}
    assert rows[ADMITTED_ROW].value == over
    assert rows[OVER_ROW].value == beyond
    assert rows[OVER_ROW].holds is (beyond == 0)


def test_only_what_was_admitted_within_one_window_counts() -> None:
    late = [Fate([at + 100 for at in one.admitted], one.refused) for one in fates(0)]
    both = [Fate(a.admitted + b.admitted, a.refused) for a, b in zip(fates(0), late, strict=True)]
    assert {one.name: one.value for one in judged(both, SECONDS, 0)}[ADMITTED_ROW] == 0


def test_a_limit_that_was_not_reached_shows_nothing() -> None:
    with pytest.raises(BenchError, match="no limit was hit"):
        list(judged([Fate([1.0], [1.0])] * NODES, SECONDS, 1))
    with pytest.raises(BenchError, match="no limit was hit"):
        list(judged([Fate(one.admitted, []) for one in fates(0)], SECONDS, 1))
