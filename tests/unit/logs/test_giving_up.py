"""What is given up of a log stays so, and is told until the subscriber knows."""

from workers.logs.core.looks import Entry
from workers.logs.core.segments import Tracker

LOG = Entry("mail.log", (1, 1), 1_000, 1, b"begins", live=True)


def tracker(*, read: int) -> Tracker:
    made = Tracker(iter(["a"]))
    made.look([LOG], 0.0)
    made.read("a", 0, b"x" * read)
    return made


def test_what_is_given_up_is_told_once_and_again_after_a_loss() -> None:
    made = tracker(read=100)
    made.kept("a", 100)
    made.drop("a", 700, b"window")
    assert made.tell_dropped("a") == 600
    assert made.tell_dropped("a") == 0
    made.rewind_all(1.0)

    assert made.tell_dropped("a") == 600
    assert made.segments()[0].unread == 300


def test_pieces_that_did_not_arrive_are_given_up_with_what_is_behind_them() -> None:
    made = tracker(read=100)
    made.drop("a", 700, b"window")
    made.rewind_all(1.0)

    assert made.tell_dropped("a") == 700


def test_a_restart_brings_nothing_back_that_was_given_up() -> None:
    made = tracker(read=100)
    made.kept("a", 100)
    made.drop("a", 1_000, b"window")
    assert not made.segments()[0].unsettled
    made = Tracker(iter(["b"]), made.saved())

    assert made.tell_dropped("a") == 900
    assert made.segments()[0].window == b"window"


def test_what_is_known_to_be_given_up_is_no_matter_any_more() -> None:
    made = tracker(read=100)
    made.drop("a", 700, b"window")
    made.tell_dropped("a")
    made.kept("a", 700)
    made.rewind("a", 50, 1.0)

    assert made.segments()[0].offset == 50
