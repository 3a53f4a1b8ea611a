"""Work in a thread of its own, asked for more often than it can be done."""

import threading

import pytest

from cluster_admin.configs.soon import Soon

SECONDS = 10.0


class Work:
    """Waits each time until it is let go on."""

    def __init__(self) -> None:
        self.began = threading.Semaphore(0)
        self.go_on = threading.Semaphore(0)
        self.times = 0

    def __call__(self) -> None:
        self.times += 1
        self.began.release()
        assert self.go_on.acquire(timeout=SECONDS)


def test_asked_many_times_it_is_done_once_more() -> None:
    work = Work()
    soon = Soon("a test", work)
    soon()
    assert work.began.acquire(timeout=SECONDS)
    for _ in range(50):
        soon()
    work.go_on.release()
    assert work.began.acquire(timeout=SECONDS)
    work.go_on.release()

    assert not work.began.acquire(timeout=0.0)
    assert work.times == 2


def test_what_goes_wrong_is_said_once_and_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    done = threading.Semaphore(0)
    sentences = iter(["no broker", "no broker", "no disk"])

    def work() -> None:
        done.release()
        raise OSError(next(sentences))

    soon = Soon("a test", work)
    for _ in range(3):
        soon()
        assert done.acquire(timeout=SECONDS)
    soon.close()

    assert caplog.messages == ["a test: no broker", "a test: no disk"]
