"""Copies of one history: the one with most is found, or where two part."""

from hypothesis import given
from hypothesis import strategies as st

from workers.repository.core.lineage import Split, newest, shared

HISTORY = [f"{number:040x}" for number in range(50)]
LENGTHS = st.integers(0, len(HISTORY))


def forked(at: int, length: int) -> list[str]:
    """A history that is another from a revision on."""
    return [*HISTORY[:at], *(f"other {one}" for one in HISTORY[at : at + length])]


@given(st.lists(LENGTHS, min_size=1, max_size=6))
def test_of_beginnings_of_one_history_the_longest_is_taken(lengths: list[int]) -> None:
    histories = {str(place): HISTORY[:length] for place, length in enumerate(lengths)}

    found = newest(histories)

    assert isinstance(found, str)
    assert len(histories[found]) == max(lengths)


@given(LENGTHS, st.integers(1, 20), st.integers(0, 49), st.booleans())
def test_histories_that_both_go_on_are_never_taken(
    length: int, more: int, at: int, turned: bool
) -> None:
    histories = {"one": HISTORY[:length], "fork": forked(at, more)}
    if turned:
        histories = dict(reversed(histories.items()))

    found = newest(histories)

    if length <= at:
        assert found == "fork"
    else:
        assert isinstance(found, Split)
        assert {found.one, found.other} == {"one", "fork"}
        assert found.common == at


@given(LENGTHS, LENGTHS, LENGTHS)
def test_what_is_shared_is_counted_as_one_by_one(one: int, at: int, more: int) -> None:
    history, other = HISTORY[:one], forked(at, more)
    pairs = zip(history, other, strict=False)
    expected = next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(history), len(other)))

    assert shared(history, other) == shared(other, history) == expected
