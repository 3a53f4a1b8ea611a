"""What a tracker says to read, compare and tell, rotation by rotation."""

import itertools

from workers.logs.core.segments import (
    PATIENCE_SECONDS,
    Compare,
    Entry,
    Fact,
    Likeness,
    Read,
    Told,
    Tracker,
)

TEXT = b"".join(f"{number} a line of the log\n".encode() for number in range(100))


def entry(
    name: str, inode: int, size: int | None, *, changed: int = 1, text: bytes = TEXT
) -> Entry:
    """A file with the first bytes of `text`."""
    head = text[: 1_024 if size is None else min(size, 1_024)]
    return Entry(name, (1, inode), size, changed, head, name == "log")


def begun(size: int = 1_000) -> Tracker:
    """A log that was read to its end, and kept."""
    tracker = Tracker(map(str, itertools.count()))
    (step,) = tracker.look([entry("log", 1, size)], 0.0)
    assert step == Read("0", "log", (1, 1), 0, b"")
    tracker.read("0", 0, TEXT[:size])
    tracker.kept("0", size)
    return tracker


def test_what_lies_beside_a_log_at_the_first_look_is_left_alone() -> None:
    tracker = Tracker(map(str, itertools.count()))

    steps = tracker.look([entry("log.1", 2, 500, text=b"older\n" * 100), entry("log", 1, 0)], 0.0)

    assert steps == [Read("1", "log", (1, 1), 0, b"")]
    assert tracker.look([entry("log.2", 2, 500, text=b"older\n" * 100)], 0.1) == []


def test_a_renamed_log_is_read_to_its_end_before_the_new_one() -> None:
    tracker = begun()

    steps = tracker.look([entry("log", 2, 50, text=b"new\n" * 20), entry("log.1", 1, 1_200)], 1.0)

    assert steps == [
        Read("0", "log.1", (1, 1), 1_000, TEXT[744:1_000]),
        Read("1", "log", (1, 2), 0, b""),
    ]
    assert tracker.facts() == [Told(Fact.ROTATED, "0")]


def test_a_truncated_log_goes_on_in_its_copy() -> None:
    tracker = begun()

    assert tracker.look([entry("log", 1, 1_000), entry("log.1", 2, 700)], 1.0) == []
    steps = tracker.look([entry("log", 1, 0, changed=2), entry("log.1", 2, 1_500)], 1.1)

    comparison = Compare("0", "log.1", (1, 2), 1_000, TEXT[744:1_000])
    assert steps == [comparison, Read("1", "log", (1, 1), 0, b"")]
    assert tracker.compared(comparison, entry("log.1", 2, 1_500), Likeness.SAME) == [
        Read("0", "log.1", (1, 2), 1_000, TEXT[744:1_000])
    ]
    assert tracker.facts() == [Told(Fact.TRUNCATED, "0"), Told(Fact.COPIED, "0")]


def test_what_was_read_beyond_the_end_of_a_copy_is_not_read_again() -> None:
    tracker = begun()
    files = [entry("log", 1, 0, changed=2), entry("log.1", 2, 900)]
    comparison, _ = tracker.look(files, 1.0)
    assert isinstance(comparison, Compare)

    assert tracker.compared(comparison, files[1], Likeness.SHORTER) == []
    assert tracker.look(files, 1.1) == []


def test_what_was_written_behind_the_end_of_a_copy_is_counted() -> None:
    tracker = begun()
    tracker.look([entry("log", 1, 2_000, changed=2)], 1.0)
    files = [entry("log", 1, 0, changed=3), entry("log.1", 2, 1_900)]
    comparison, _ = tracker.look(files, 1.1)
    assert isinstance(comparison, Compare)
    tracker.compared(comparison, files[1], Likeness.SAME)

    assert tracker.facts()[-1] == Told(Fact.COPIED, "0", 100)


def test_a_log_that_was_written_anew_with_the_same_length_is_found() -> None:
    tracker = begun()

    (step,) = tracker.look([entry("log", 1, 1_000, changed=2)], 1.0)
    assert step == Read("0", "log", (1, 1), 1_000, TEXT[744:1_000])
    tracker.changed("0", 1.0)
    assert tracker.look([entry("log", 1, 1_000, changed=2)], 1.1) == [
        Read("1", "log", (1, 1), 0, b"")
    ]


def test_a_compressed_log_is_read_on() -> None:
    tracker = begun()
    files = [entry("log", 2, 0), entry("log.1.gz", 3, None)]
    comparison, _ = tracker.look(files, 1.0)
    assert isinstance(comparison, Compare)

    assert tracker.compared(comparison, files[1], Likeness.SAME) == [
        Read("0", "log.1.gz", (1, 3), 1_000, TEXT[744:1_000])
    ]
    tracker.read("0", 1_000, TEXT[1_000:1_400], ended=True)
    assert tracker.look(files, 1.1) == []


def test_several_rotations_between_two_looks_are_read_oldest_first() -> None:
    tracker = begun()
    one, two = b"first\n" * 200, b"second\n" * 200

    steps = tracker.look(
        [
            entry("log", 4, 10, changed=9, text=b"now\n" * 9),
            entry("log.1", 3, 1_000, changed=8, text=two),
            entry("log.2", 2, 1_000, changed=7, text=one),
            entry("log.3", 1, 1_000),
        ],
        1.0,
    )

    assert [(step.name, step.offset) for step in steps] == [("log.2", 0), ("log.1", 0), ("log", 0)]


def test_a_log_that_is_nowhere_is_told_as_lost_after_a_while_and_once() -> None:
    tracker = begun()
    tracker.look([entry("log", 1, 1_300, changed=2)], 1.0)

    tracker.look([], 2.0)
    assert tracker.facts() == [Told(Fact.DELETED, "0")]
    for now in (2.0 + PATIENCE_SECONDS, 3.0 + PATIENCE_SECONDS):
        tracker.look([], now)
    assert tracker.facts() == [Told(Fact.LOST, "0", 300)]


def test_what_is_not_kept_is_read_again_after_a_restart() -> None:
    tracker = begun()
    tracker.look([entry("log", 1, 1_500, changed=2)], 1.0)
    tracker.read("0", 1_000, TEXT[1_000:1_200])
    tracker.read("0", 1_200, TEXT[1_200:1_500])
    tracker.kept("0", 1_200)

    again = Tracker(map(str, itertools.count(5)), tracker.saved())

    assert again.look([entry("log", 1, 1_500, changed=2)], 9.0) == [
        Read("0", "log", (1, 1), 1_200, TEXT[944:1_200])
    ]


def test_a_backup_that_somebody_made_is_not_read() -> None:
    tracker = begun()

    assert tracker.look([entry("log", 1, 1_000), entry("log-backup", 7, 1_000)], 1.0) == []
    assert tracker.segments()[0].place == (1, 1)
