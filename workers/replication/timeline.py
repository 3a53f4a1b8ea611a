"""The time by which a node dates what it counts: wall time once, then a clock that never jumps.

It goes on through every restart of the worker, until the machine starts anew: what was counted
before a clock was put right stays as old as it is. Where the file is lost, it begins anew.
"""

import logging
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from workers.files import durable

NAME = "clock"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
log = logging.getLogger("muster.replication")


class _Anchor(msgspec.Struct, frozen=True):
    boot: str
    seconds: float
    """Wall time less the time since the machine started."""


class TimeLine:
    """Call it for seconds since 1970. `directory`: where its beginning is kept; `boot`: of now."""

    def __init__(
        self,
        directory: Path,
        boot: str | None = None,
        wall: Callable[[], float] | None = None,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._steady = steady
        boot = BOOT_ID.read_text("ascii").strip() if boot is None else boot
        path = directory / NAME
        kept = _read(path)
        if kept is None or kept.boot != boot:
            kept = _Anchor(boot, (wall or time.time)() - steady())
            try:
                durable.replace(path, msgspec.json.encode(kept), 0o600)
            except OSError as error:
                log.error("replication: %s: cannot be written: %s; make room", path, error.strerror)
        self._anchor = kept.seconds

    def __call__(self) -> float:
        """The time now."""
        return self._anchor + self._steady()


def _read(path: Path) -> _Anchor | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Anchor)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
