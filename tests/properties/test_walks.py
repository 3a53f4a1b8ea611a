"""One look at all keys, in pieces: it finds what a look at once finds; charts stay bounded."""

from hypothesis import given
from hypothesis import strategies as st

from cluster_admin.replication.charts import COARSE_POINTS, FINE_POINTS, Chart
from cluster_admin.replication.walks import OF_LIMIT_MAX, Top, Walk, greatest

cells = st.sampled_from(["a", "a/", "a/b", "b/192.0.2.0/24", "c/x", "/a", ""]) | st.text(max_size=5)
rows = st.dictionaries(cells, st.integers(1, 9), max_size=60).map(lambda found: list(found.items()))


@given(rows, st.integers(1, 7), st.integers(1, 5))
def test_pieces_make_no_difference(found: list[tuple[str, int]], size: int, top: int) -> None:
    whole, pieces = (Walk(frozenset({"a", "b"}), top) for _ in range(2))
    whole.take(found)
    for start in range(0, len(found), size):
        pieces.take(found[start : start + size])

    assert (pieces.keys, pieces.total, pieces.top) == (whole.keys, whole.total, whole.top)
    assert [pieces.of_limit(name) for name in "ab"] == [whole.of_limit(name) for name in "ab"]
    assert whole.keys == len(found)
    assert whole.total == sum(value for _key, value in found)
    assert whole.top == greatest(found, top)


@given(rows)
def test_cells_of_limits_are_kept_by_limit_under_their_keys(found: list[tuple[str, int]]) -> None:
    walk = Walk(frozenset({"a", "b"}))
    walk.take(found)

    for name in "abc":
        kept = walk.of_limit(name)
        own = [(cell, value) for cell, value in found if cell.partition("/")[0] == name]
        own = own if name in "ab" else []
        assert len(kept) == min(len(own), OF_LIMIT_MAX)
        assert sum(value for _key, value in kept) <= sum(value for _cell, value in own)


@given(st.lists(st.floats(0, 500), max_size=900), st.floats(0, 100_000))
def test_a_chart_is_bounded_in_order_and_says_what_was_added(
    steps: list[float], since: float
) -> None:
    chart, at, added = Chart(), 0.0, set()
    for number, step in enumerate(steps):
        at += step
        added.add((at, number))
        chart.add(at, number)

    points = list(chart.since(since))
    assert len(points) <= max(FINE_POINTS, COARSE_POINTS)
    assert points == sorted(points, key=lambda one: one.at)
    assert {(one.at, one.value) for one in points} <= added
    assert all(one.at >= since for one in points)


@given(st.integers(1, 200))
def test_a_chart_goes_on_after_the_clock_went_back(back: int) -> None:
    chart = Chart()
    chart.add(1_000.0, 1)
    chart.add(1_000.0 - back, 2)

    assert 2 in [one.value for one in chart.since(0.0)]


@given(st.lists(st.integers(1, 5), max_size=30), st.integers(1, 9), st.integers(1, 3_000))
def test_of_very_many_the_greatest_are_kept(values: list[int], top: int, more: int) -> None:
    rows = [(f"x{number}", value) for number, value in enumerate(values)]
    rows += [(f"y{number}", number % 5) for number in range(more)]
    found = Top(top)
    for start in range(0, len(rows), 700):
        found.add(rows[start : start + 700])

    assert found.rows == greatest(rows, top)
