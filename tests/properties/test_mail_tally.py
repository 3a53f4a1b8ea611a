"""Numbers of mail add up: in any parts and order, and whatever names are left out."""

from hypothesis import given
from hypothesis import strategies as st

from workers.maillog.core.counted import Counted, Outcome
from workers.maillog.core.tally import STEPS, By, Tally, merged, total, trimmed

NUMBERS = st.tuples(*[st.integers(0, 99)] * 5)
NAMES = st.dictionaries(st.sampled_from([*"abcdefgh", "(other)"]), NUMBERS, max_size=9)
COUNTED = st.builds(
    Counted,
    st.just(""),
    st.sampled_from(Outcome),
    st.sampled_from(["", "bulk"]),
    st.sampled_from(["", "b.test", "y.test", "y" * 300]),
    st.sampled_from(["", "192.0.2.1", "2001:db8::1"]),
)
EVENTS = st.lists(
    st.tuples(COUNTED, st.floats(0, 2e9), st.sampled_from("ab"), st.sampled_from("xy")),
    max_size=30,
)


@given(NAMES, st.integers(1, 9))
def test_leaving_names_out_costs_no_count(names: dict[str, tuple[int, ...]], most: int) -> None:
    kept = trimmed(names, most)

    assert total(kept.values()) == total(names.values())
    assert len(kept) <= most + 1
    assert trimmed(kept, most) == kept


@given(EVENTS, st.integers(0, 30))
def test_parts_add_up_to_the_whole(events: list[tuple[Counted, float, str, str]], cut: int) -> None:
    whole, first, second = Tally(), Tally(), Tally()
    for number, event in enumerate(events):
        whole.add(*event)
        (first if number < cut else second).add(*event)

    for step in STEPS:
        found, parts = whole.by_steps(step), (first.by_steps(step), second.by_steps(step))
        assert found == {group: merged(part.get(group, {}) for part in parts) for group in found}
        nodes = [names for group, names in found.items() if group.by is By.NODE]
        assert sum(total(merged(nodes).values())) == len(events)
