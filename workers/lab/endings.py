"""Signals that ask a process to end: one way out for all, and none while it cleans up.

Ctrl-C, SIGTERM and SIGHUP all raise KeyboardInterrupt, also when a shell started the process in the
background with SIGINT ignored; a SIGHUP that `nohup` ignores stays ignored.
"""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Once:
    """A handler that raises KeyboardInterrupt the first time: a second signal may come at once."""

    def __init__(self) -> None:
        self.asked = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if not self.asked:
            self.asked = True
            raise KeyboardInterrupt


def end_like_interrupt() -> None:
    """Let the first signal that asks for an end do what Ctrl-C does, and later ones nothing."""
    handler = _Once()
    for number in _ENDINGS:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Do nothing on those signals meanwhile: what is half taken down must be taken down whole."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # Not SIG_IGN: programs started meanwhile would inherit it.
    before = [signal.signal(number, _do_nothing) for number in _ENDINGS]
    try:
        yield
    finally:
        for number, handler in zip(_ENDINGS, before, strict=True):
            signal.signal(number, handler)


def _do_nothing(_number: int, _frame: FrameType | None) -> None:
    return
