"""The selector of the agent's loop on real sockets: what it waits for, and for how long."""

import socket
import threading
import time
from collections.abc import Iterator
from selectors import EVENT_READ

import pytest

from workers.failover.meter import Meter, MeteredSelector

Pair = tuple[socket.socket, socket.socket]
LONG_SECONDS = 30.0
BETWEEN_SECONDS = 0.5
PATIENCE_SECONDS = 2.0


@pytest.fixture
def pairs() -> Iterator[tuple[Pair, Pair]]:
    """Two connections."""
    both = socket.socketpair(), socket.socketpair()
    yield both
    for end in (*both[0], *both[1]):
        end.close()


@pytest.fixture
def selector(pairs: tuple[Pair, Pair]) -> Iterator[MeteredSelector]:
    """Watches one end of each."""
    with MeteredSelector(Meter()) as watching:
        for end, _ in pairs:
            watching.register(end, EVENT_READ)
        yield watching


def ready(selector: MeteredSelector, timeout: float) -> int:
    return len(selector.select(timeout))


def later(end: socket.socket) -> threading.Thread:
    """Something is written after a moment."""
    thread = threading.Timer(BETWEEN_SECONDS, end.send, [b"later"])
    thread.start()
    return thread


@pytest.mark.parametrize(("patience", "served"), [(0.0, 1), (PATIENCE_SECONDS, 2)])
def test_what_follows_within_the_patience_is_served_in_the_same_turn(
    pairs: tuple[Pair, Pair], selector: MeteredSelector, patience: float, served: int
) -> None:
    selector.patience = patience
    pairs[0][1].send(b"now")
    writing = later(pairs[1][1])
    assert ready(selector, LONG_SECONDS) == served
    writing.join()


def test_no_timer_waits_for_what_may_follow(
    pairs: tuple[Pair, Pair], selector: MeteredSelector
) -> None:
    selector.patience = LONG_SECONDS
    pairs[0][1].send(b"now")
    writing = later(pairs[1][1])
    assert ready(selector, 0) == 1
    writing.join()
    assert ready(selector, BETWEEN_SECONDS) == 2


def test_a_glance_is_taken_while_nothing_happens_and_ends_the_wait_when_it_finds_something(
    selector: MeteredSelector,
) -> None:
    glances = iter([False, False, True])
    selector.glance = lambda: next(glances)
    assert ready(selector, LONG_SECONDS) == 0
    assert next(glances, None) is None


def test_a_glance_does_not_cut_short_what_a_timer_waits_for(selector: MeteredSelector) -> None:
    selector.glance = lambda: False
    began = time.monotonic()
    assert ready(selector, BETWEEN_SECONDS) == 0
    assert time.monotonic() >= began + BETWEEN_SECONDS
