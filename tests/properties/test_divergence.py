"""What is asked about a history stays small, and brings little more than what lacks."""

from hypothesis import given, settings
from hypothesis import strategies as st

from workers.repository.core.divergence import (
    LOST_MAX,
    aside_name,
    reached,
    samples,
    shared,
    surplus,
)

exactly = settings(derandomize=True, deadline=None)


@exactly
@given(st.integers(0, 2**53))
def test_samples_are_few_and_fall(newest: int) -> None:
    found = list(samples(newest))
    assert len(found) <= newest.bit_length() + 1
    assert found == sorted(set(found), reverse=True)
    assert found[:1] == [newest][: len(found)]
    assert found[-1:] == [1][: len(found)]


@exactly
@given(st.data())
def test_the_newest_sample_of_what_is_shared_is_near(data: st.DataObject) -> None:
    newest = data.draw(st.integers(1, 10_000))
    ancestor = data.draw(st.integers(1, newest))
    found = next(number for number in samples(newest) if number <= ancestor)
    assert found == 1 or newest - found <= 2 * (newest - ancestor)


@exactly
@given(st.data())
def test_the_commit_chosen_is_the_newest_sample_that_both_have(data: st.DataObject) -> None:
    ancestor, ours, theirs = (data.draw(st.integers(0, 200)) for _ in range(3))
    here = [f"both{n}" for n in range(1, ancestor + 1)]
    manager = here + [f"ours{n}" for n in range(ours)]
    node = here + [f"theirs{n}" for n in range(theirs)]
    named = [manager[number - 1] for number in samples(len(manager))]
    found = shared(named, node.__contains__)
    assert found == max(set(named) & set(node), key=manager.index, default="")
    assert bool(found) is (ancestor > 0)


@exactly
@given(st.lists(st.integers(1, 10**9), max_size=60))
def test_what_is_kept_aside_is_the_newest_and_bounded(numbers: list[int]) -> None:
    names: list[str] = []
    made: list[str] = []
    for number in numbers:
        name = aside_name(names, number)
        assert name not in made
        made.append(name)
        names.append(name)
        for oldest in surplus(names):
            names.remove(oldest)
        assert len(names) <= LOST_MAX
        assert names == made[-LOST_MAX:]
    assert list(map(reached, names)) == numbers[-LOST_MAX:]
