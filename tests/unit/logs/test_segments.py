"""What a tracker says to read, compare and tell, rotation by rotation."""

import itertools

from workers.logs.core.looks import (
    HEAD_BYTES,
    Compare,
    Entry,
    Likeness,
    Plan,
    Read,
)
from workers.logs.core.segments import PATIENCE_SECONDS, Fact, Told, Tracker

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
    assert tracker.look([entry("log", 1, size)], 0.0).reads == (reading("0", "log", 1, 0, size),)
    tracker.read("0", 0, TEXT[:size])
    tracker.kept("0", size)
    return tracker


def reading(segment: str, name: str, inode: int, offset: int, size: int) -> Read:
    """Of a file of so many bytes of `TEXT`."""
    ahead = TEXT[offset : min(size, HEAD_BYTES)]
    return Read(segment, name, (1, inode), offset, TEXT[max(0, offset - 256) : offset], ahead)


def looked(tracker: Tracker, entries: list[Entry], now: float, *found: Likeness) -> list[Read]:
    """Look until it is known what to read; `found` came of the comparisons, in their turn."""
    answers = iter(found)
    while not (plan := tracker.look(entries, now)).settled:
        for step in plan.comparisons:
            (file,) = [one for one in entries if one.place == step.place]
            tracker.compared(step, file, next(answers))
    assert list(answers) == []
    return list(plan.reads)


def named(reads: list[Read]) -> list[tuple[str, int]]:
    """Which files are read, and from where on."""
    return [(one.name, one.offset) for one in reads]


def test_what_lies_beside_a_log_at_the_first_look_is_left_alone() -> None:
    tracker = Tracker(map(str, itertools.count()))

    plan = tracker.look([entry("log.1", 2, 500, text=b"older\n" * 100), entry("log", 1, 0)], 0.0)

    assert plan == Plan()
    assert looked(tracker, [entry("log.2", 2, 500, text=b"older\n" * 100)], 0.1) == []


def test_a_renamed_log_is_read_to_its_end_before_the_new_one() -> None:
    tracker = begun()
    new = b"new\n" * 20

    reads = looked(tracker, [entry("log", 2, 50, text=new), entry("log.1", 1, 1_200)], 1.0)

    assert reads == [
        reading("0", "log.1", 1, 1_000, 1_200),
        Read("1", "log", (1, 2), 0, b"", new[:50]),
    ]
    assert tracker.facts() == [Told(Fact.ROTATED, "0")]


def test_a_truncated_log_goes_on_in_its_copy() -> None:
    tracker = begun()

    assert looked(tracker, [entry("log", 1, 1_000), entry("log.1", 2, 700)], 1.0) == []
    files = [entry("log", 1, 0, changed=2), entry("log.1", 2, 1_500)]
    assert tracker.look(files, 1.1) == Plan(settled=False)
    comparison = Compare("0", "log.1", (1, 2), 1_000, TEXT[744:1_000])
    assert tracker.look(files, 1.1) == Plan(comparisons=(comparison,), settled=False)
    tracker.compared(comparison, files[1], Likeness.SAME)

    assert looked(tracker, files, 1.1) == [reading("0", "log.1", 2, 1_000, 1_500)]
    assert tracker.facts() == [Told(Fact.TRUNCATED, "0"), Told(Fact.COPIED, "0")]


def test_a_copy_that_was_not_seen_yet_is_looked_for_before_the_new_log_is_read() -> None:
    tracker = begun()
    tracker.look([entry("log", 1, 1_500, changed=2)], 1.0)
    new = entry("log", 1, 20, changed=3, text=b"new\n" * 5)

    assert tracker.look([new], 1.1) == Plan(settled=False)
    reads = looked(tracker, [new, entry("log.1", 2, 1_500)], 1.1, Likeness.SAME)
    assert named(reads) == [("log.1", 1_000), ("log", 0)]


def test_a_log_of_which_nothing_was_seen_comes_behind_what_is_found_beside_it() -> None:
    tracker = Tracker(map(str, itertools.count()))
    tracker.look([entry("log", 1, 0)], 0.0)
    new = entry("log", 1, 20, changed=3, text=b"new\n" * 5)

    reads = looked(tracker, [new, entry("log.1", 2, 1_500, changed=3)], 1.0)

    assert named(reads) == [("log.1", 0), ("log", 0)]


def test_a_log_of_which_nothing_was_read_comes_behind_an_older_one_after_its_rotation_too() -> None:
    tracker = Tracker(map(str, itertools.count()))
    tracker.look([entry("log", 1, 0)], 0.0)
    older, new = b"older\n" * 50, b"new\n" * 5

    reads = looked(
        tracker,
        [
            entry("log", 3, 20, changed=5, text=new),
            entry("log.1", 1, 1_500, changed=4),
            entry("log.2", 2, 300, changed=3, text=older),
        ],
        1.0,
    )

    assert named(reads) == [("log.2", 0), ("log.1", 0), ("log", 0)]


def test_an_empty_log_is_not_read_since_nothing_tells_it_from_the_next() -> None:
    tracker = Tracker(map(str, itertools.count()))

    assert looked(tracker, [entry("log", 1, 0)], 0.0) == []
    assert looked(tracker, [entry("log", 1, 0, changed=2)], 0.1) == []
    assert named(looked(tracker, [entry("log", 1, 20, changed=3)], 0.2)) == [("log", 0)]


def test_what_came_later_waits_until_what_is_in_front_of_it_is_kept() -> None:
    tracker = begun()
    files = [entry("log", 2, 50, text=b"new\n" * 20), entry("log.1", 1, 1_200)]
    looked(tracker, files, 1.0)
    assert tracker.waits("1", 1.0)
    tracker.read("0", 1_000, TEXT[1_000:1_200])
    assert tracker.waits("1", 1.0)

    assert tracker.kept("0", 1_200)
    assert not tracker.waits("1", 1.0)
    tracker.read("1", 0, b"new\n" * 12)
    assert not tracker.waits("0", 1.0)


def test_half_a_line_of_a_rotated_log_holds_up_the_new_one_for_a_while_only() -> None:
    tracker = begun()
    looked(tracker, [entry("log", 2, 50, text=b"new\n" * 20), entry("log.1", 1, 1_200)], 1.0)

    assert tracker.waits("1", 0.9 + PATIENCE_SECONDS)
    assert not tracker.waits("1", 1.0 + PATIENCE_SECONDS)


def test_whoever_goes_on_writing_to_a_rotated_log_holds_up_the_new_one_for_a_while_only() -> None:
    tracker = begun()
    new = entry("log", 2, 50, text=b"new\n" * 20)
    looked(tracker, [new, entry("log.1", 1, 1_200)], 1.0)
    tracker.read("0", 1_000, TEXT[1_000:1_200])
    later = 1.0 + PATIENCE_SECONDS
    looked(tracker, [new, entry("log.1", 1, 1_200)], later)
    assert tracker.waits("1", later)
    tracker.kept("0", 1_200)
    looked(tracker, [new, entry("log.1", 1, 1_300, changed=2)], later)
    tracker.read("0", 1_200, TEXT[1_200:1_300])

    assert not tracker.waits("1", later)


def test_what_was_read_beyond_the_end_of_a_copy_is_not_read_again() -> None:
    tracker = begun()
    files = [entry("log", 1, 0, changed=2), entry("log.1", 2, 900)]

    assert looked(tracker, files, 1.0, Likeness.SHORTER) == []


def test_a_copy_that_ends_in_what_is_known_of_the_beginning_is_read() -> None:
    tracker = Tracker(map(str, itertools.count()))
    tracker.look([entry("log", 1, 60)], 0.0)
    tracker.read("0", 0, TEXT[:10])

    reads = looked(
        tracker, [entry("log", 1, 0, changed=2), entry("log.1", 2, 30)], 1.0, Likeness.SAME
    )

    assert reads == [reading("0", "log.1", 2, 10, 30)]


def test_what_was_written_behind_the_end_of_a_copy_is_counted() -> None:
    tracker = begun()
    tracker.look([entry("log", 1, 2_000, changed=2)], 1.0)
    files = [entry("log", 1, 0, changed=3), entry("log.1", 2, 1_900)]
    looked(tracker, files, 1.1, Likeness.SAME)

    assert tracker.facts()[-1] == Told(Fact.COPIED, "0", 100)


def test_a_log_that_was_written_anew_with_the_same_length_is_found() -> None:
    tracker = begun()

    for now in (1.0, 1.1):  # it may be that nothing could be read at the first look
        reads = looked(tracker, [entry("log", 1, 1_000, changed=2)], now)
        assert reads == [reading("0", "log", 1, 1_000, 1_000)]
    tracker.changed("0", 1.1)
    assert looked(tracker, [entry("log", 1, 1_000, changed=2)], 1.2) == [
        reading("1", "log", 1, 0, 1_000)
    ]


def test_a_log_that_somebody_put_in_another_place_goes_on_there() -> None:
    tracker = begun(1_100)

    reads = looked(tracker, [entry("log", 9, 1_300)], 1.0, Likeness.SAME)
    assert reads == [reading("0", "log", 9, 1_100, 1_300)]


def test_a_log_that_begins_like_the_last_is_another_unless_that_is_sure() -> None:
    tracker = begun(1_000)

    assert looked(tracker, [entry("log", 9, 1_300)], 1.0) == [reading("1", "log", 9, 0, 1_300)]


def test_a_compressed_log_is_read_on() -> None:
    tracker = begun()
    files = [entry("log", 2, 0), entry("log.1.gz", 3, None)]

    reads = looked(tracker, files, 1.0, Likeness.SAME)
    assert reads == [reading("0", "log.1.gz", 3, 1_000, HEAD_BYTES)]
    tracker.read("0", 1_000, TEXT[1_000:1_400], ended=True)
    assert looked(tracker, files, 1.1) == []


def test_several_rotations_between_two_looks_are_read_oldest_first() -> None:
    tracker = begun()
    one, two = b"first\n" * 200, b"second\n" * 200

    reads = looked(
        tracker,
        [
            entry("log", 4, 10, changed=9, text=b"now\n" * 9),
            entry("log.1", 3, 1_000, changed=7, text=two),
            entry("log.2.gz", 2, None, changed=8, text=one),
            entry("log.3", 1, 1_000),
        ],
        1.0,
    )

    assert named(reads) == [("log.2.gz", 0), ("log.1", 0), ("log", 0)]


def test_a_log_that_is_nowhere_is_told_as_lost_after_a_while_and_once() -> None:
    tracker = begun()
    tracker.look([entry("log", 1, 1_300, changed=2)], 1.0)

    looked(tracker, [], 2.0)
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

    assert looked(again, [entry("log", 1, 1_500, changed=2)], 9.0) == [
        reading("0", "log", 1, 1_200, 1_500)
    ]


def test_a_backup_that_somebody_made_is_not_read() -> None:
    tracker = begun()

    assert looked(tracker, [entry("log", 1, 1_000), entry("log-backup", 7, 1_000)], 1.0) == []
    assert tracker.segments()[0].place == (1, 1)
