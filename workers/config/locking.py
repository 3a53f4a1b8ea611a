"""One application at a time, whoever asks for it."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from workers.config.core.applying import Refusal
from workers.config.errors import ConfigError
from workers.files.locks import TakenError, take


class Busy(ConfigError):
    """Another process or thread has the lock."""

    def __init__(self) -> None:
        super().__init__(Refusal.BUSY.value)


@contextlib.contextmanager
def locked(path: Path, seconds: float) -> Iterator[None]:
    """Hold the lock; raises `Busy` when another has it for longer than `seconds`."""
    try:
        handle = take(path, seconds)
    except TakenError:
        raise Busy from None
    try:
        yield
    finally:
        os.close(handle)
