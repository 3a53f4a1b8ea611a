"""How old the oldest byte is that a subscriber has not got."""

from workers.logs.core.lateness import MARKS_MAX, Lateness


def test_nobody_is_late_who_has_everything() -> None:
    lateness = Lateness()
    lateness.note("a", 100, 100, 1.0)

    assert lateness.seconds(50.0) == 0.0


def test_the_oldest_byte_counts() -> None:
    lateness = Lateness()
    lateness.note("a", 0, 100, 1.0)
    lateness.note("a", 0, 200, 5.0)
    assert lateness.seconds(10.0) == 9.0
    lateness.note("a", 100, 200, 10.0)
    assert lateness.seconds(10.0) == 5.0
    lateness.note("b", 0, 1, 2.0)
    assert lateness.seconds(10.0) == 8.0
    lateness.forget(frozenset({"a"}))
    assert lateness.seconds(10.0) == 5.0


def test_marks_are_few_and_never_too_young() -> None:
    lateness = Lateness()
    for second in range(10 * MARKS_MAX):
        lateness.note("a", 0, 10 * second + 10, float(second))
    for kept in range(0, 10 * MARKS_MAX * 9, 1_000):
        lateness.note("a", kept, 100 * MARKS_MAX, 10.0 * MARKS_MAX)
        assert lateness.seconds(10.0 * MARKS_MAX) >= 10.0 * MARKS_MAX - kept / 10 - 1
