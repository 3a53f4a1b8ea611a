"""What a collector answers, and how often it asks for what is missing."""

from workers.logs.core.collecting import (
    FIRST_SECONDS,
    GAPS_MAX,
    PATIENCE_SECONDS,
    Gaps,
    key,
    told,
)
from workers.logs.core.messages import POSITIONS_MAX, Kept, Shipment, Want

SEGMENT = "0" * 32


def want(position: int) -> Want:
    return Want("archive", "default", "mta1", SEGMENT, position)


def test_two_nodes_with_one_segment_are_two() -> None:
    names = {key(Shipment("default", node, "mail", SEGMENT, 0, b"")) for node in ("mta1", "mta2")}

    assert len(names) == 2


def test_each_node_is_told_of_its_own() -> None:
    positions = [("default/mta1/a", 1), ("default/mta2/b", 2), ("default/mta1/c", 3)]

    assert list(told("archive", positions)) == [
        Kept("archive", "default", "mta1", (("a", 1), ("c", 3))),
        Kept("archive", "default", "mta2", (("b", 2),)),
    ]


def test_what_is_too_much_for_one_message_is_told_in_several() -> None:
    positions = [(f"default/mta1/{number}", 1) for number in range(POSITIONS_MAX + 1)]

    assert [len(one.positions) for one in told("archive", positions)] == [POSITIONS_MAX, 1]


def test_what_is_missing_is_asked_for_once_and_then_ever_more_seldom() -> None:
    gaps = Gaps()

    assert gaps.found("one", want(5), 0.0)
    assert not gaps.found("one", want(5), 0.1)
    times = [step / 10 for step in range(200) if gaps.due(step / 10)]
    assert times == [FIRST_SECONDS, FIRST_SECONDS + 2, FIRST_SECONDS + 6, FIRST_SECONDS + 14]


def test_another_gap_of_the_same_segment_is_asked_for_at_once() -> None:
    gaps = Gaps()
    gaps.found("one", want(5), 0.0)

    assert gaps.found("one", want(9), 0.1)
    assert gaps.due(FIRST_SECONDS + 0.1) == [want(9)]


def test_nothing_is_asked_for_once_it_came_or_long_after_nobody_answered() -> None:
    gaps = Gaps()
    gaps.found("one", want(5), 0.0)
    gaps.found("two", want(6), 0.0)
    gaps.moved("one")

    assert gaps.due(FIRST_SECONDS) == [want(6)]
    assert gaps.due(PATIENCE_SECONDS + 1) == []
    assert len(gaps) == 0


def test_gaps_are_bounded() -> None:
    gaps = Gaps()
    for number in range(GAPS_MAX + 10):
        gaps.found(str(number), want(number), 0.0)

    assert len(gaps) == GAPS_MAX
