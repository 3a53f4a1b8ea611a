"""What may be sent to a subscriber, and when it is sent again."""

from workers.logs.core.chunks import CHUNK_BYTES
from workers.logs.core.window import (
    FLIGHTS_MAX,
    PAUSE_SECONDS,
    SILENCE_SECONDS,
    WANT_SECONDS,
    WINDOW_BYTES,
    Window,
)


def sent(*ends: int, size: int = 100) -> Window:
    window = Window()
    for end in ends:
        window.sent("a", end, size, 0.0)
    return window


def test_room_comes_back_when_pieces_are_kept() -> None:
    window = sent(100, 200, 300)
    assert window.room(0.0) == WINDOW_BYTES - 300
    window.kept("a", 250, 1.0)

    assert window.room(1.0) == WINDOW_BYTES - 100


def test_what_is_kept_of_unknown_segments_is_no_news() -> None:
    window = sent(100)
    window.kept("b", 1_000, 1.0)

    assert window.bytes == 100


def test_many_small_pieces_are_too_many() -> None:
    assert sent(*range(FLIGHTS_MAX), size=1).room(0.0) == 0


def test_what_is_asked_for_is_sent_again_once() -> None:
    window = sent(100, 200)
    assert window.wanted("a", 0, 1.0)
    assert window.bytes == 0
    assert not window.wanted("a", 0, 1.0 + WANT_SECONDS / 2)
    assert window.wanted("a", 100, 1.0 + WANT_SECONDS / 2)
    assert window.wanted("a", 100, 1.0 + 2 * WANT_SECONDS)


def test_what_was_kept_since_may_be_asked_for_at_once() -> None:
    window = sent(100)
    assert window.wanted("a", 0, 1.0)
    window.sent("a", 100, 100, 1.0)
    window.kept("a", 100, 1.1)
    window.sent("a", 200, 100, 1.1)

    assert window.wanted("a", 0, 1.2)


def test_a_refusal_holds_everything_up_and_then_lets_one_chunk_through() -> None:
    window = sent(100, 200)
    assert window.refused(0.0)
    assert not window.refused(0.1)
    assert window.room(PAUSE_SECONDS / 2) == 0
    assert window.room(PAUSE_SECONDS) == CHUNK_BYTES
    assert window.refused(PAUSE_SECONDS)
    assert window.room(2 * PAUSE_SECONDS) == 0
    window.sent("a", 100, 100, 3 * PAUSE_SECONDS)
    window.kept("a", 100, 3 * PAUSE_SECONDS)

    assert window.room(3 * PAUSE_SECONDS) == WINDOW_BYTES


def test_silence_sends_again_ever_more_seldom() -> None:
    window = sent(100)
    assert not window.silent(SILENCE_SECONDS - 1)
    assert window.silent(SILENCE_SECONDS)
    assert not window.silent(2 * SILENCE_SECONDS)
    window.sent("a", 100, 100, 100.0)
    assert not window.silent(100.0 + SILENCE_SECONDS)
    assert window.silent(100.0 + 2 * SILENCE_SECONDS)


def test_a_small_limit_holds_while_nothing_is_answered() -> None:
    window = Window(1_000)
    window.refused(0.0)

    assert window.room(PAUSE_SECONDS) == 1_000
