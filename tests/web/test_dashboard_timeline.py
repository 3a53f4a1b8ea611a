"""Who held a VIP when, from its events."""

from datetime import UTC, datetime, timedelta

from cluster_admin.dashboard.timeline import Told, draw, spans

ZERO = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return ZERO + timedelta(minutes=minutes)


def told(minutes: float, kind: str, node: str) -> Told:
    return Told(at(minutes), kind, node)


def held(
    story: list[Told], owner: str = "", since: float | None = None
) -> list[tuple[object, ...]]:
    """(node, start, end) in minutes."""
    found = spans(story, owner, None if since is None else at(since))
    return [
        (
            one.node,
            (one.start - ZERO) / timedelta(minutes=1),
            one.end and (one.end - ZERO) / timedelta(minutes=1),
        )
        for one in found
    ]


def test_a_vip_goes_from_hand_to_hand() -> None:
    story = [told(0, "taken", "a"), told(5, "released", "a"), told(6, "taken", "b")]

    assert held(story, "b", 6) == [("a", 0, 5), ("b", 6, None)]


def test_a_death_ends_what_the_dead_cannot_tell() -> None:
    story = [told(0, "taken", "a"), told(5, "dead", "a"), told(6, "taken", "b")]

    assert held(story, "b", 6) == [("a", 0, 5), ("b", 6, None)]


def test_without_any_end_told_the_next_taking_is_the_end() -> None:
    story = [told(0, "taken", "a"), told(6, "adopted", "b")]

    assert held(story, "b", 6) == [("a", 0, 6), ("b", 6, None)]


def test_two_that_had_it_at_once_overlap() -> None:
    story = [told(0, "taken", "a"), told(6, "taken", "b"), told(8, "lost", "a")]

    assert held(story, "b", 6) == [("a", 0, 8), ("b", 6, None)]


def test_a_death_told_by_one_who_was_cut_off_does_not_end_the_owners_time() -> None:
    assert held([told(0, "taken", "a"), told(3, "dead", "a")], "a", 0) == [("a", 0, None)]


def test_an_owner_without_any_event_is_known_from_its_state() -> None:
    assert held([], "a", 3) == [("a", 3, None)]
    assert held([], "", None) == []


def test_a_node_that_takes_it_again_has_two_spans() -> None:
    story = [told(0, "taken", "a"), told(2, "released", "a"), told(4, "taken", "a")]

    assert held(story, "a", 4) == [("a", 0, 2), ("a", 4, None)]


def test_the_drawing_is_cut_to_its_range() -> None:
    story = [
        told(-90, "taken", "old"),
        told(-80, "released", "old"),
        told(-70, "taken", "a"),
        told(-30, "released", "a"),
        told(-15, "taken", "b"),
        told(-10, "conflict", "b"),
    ]

    drawing = draw(spans(story, "b", at(-15)), story, at(-60), at(0))

    bars = [(node, [(bar.left, bar.width) for bar in bars]) for node, bars in drawing.lanes]
    assert bars == [("a", [("0.000%", "50.000%")]), ("b", [("75.000%", "25.000%")])]
    assert [(point.told.kind, point.left) for point in drawing.points] == [("conflict", "83.333%")]
    assert [tick.label for tick in drawing.ticks] == ["11:10", "11:20", "11:30", "11:40", "11:50"]
