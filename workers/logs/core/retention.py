"""Which files of logs are too old, or too many. Files that are written to are not among them."""

from collections.abc import Iterable
from dataclasses import dataclass

DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Stored:
    """A file: its size on the disk in bytes, and when it was last written to, in seconds."""

    path: str
    size: int
    changed: float


def expired(
    files: Iterable[Stored], *, now: float, keep_days: int, keep_bytes: int, live_bytes: int = 0
) -> list[Stored]:
    """The files to delete, the oldest first; a limit of 0 is none.

    `live_bytes`: what files that are written to take, which count, and stay.
    """
    ordered = sorted(files, key=lambda one: (one.changed, one.path))
    total = live_bytes + sum(one.size for one in ordered)
    gone = []
    for one in ordered:
        old = keep_days and now - one.changed > keep_days * DAY_SECONDS
        if not old and not (keep_bytes and total > keep_bytes):
            break
        gone.append(one)
        total -= one.size
    return gone
