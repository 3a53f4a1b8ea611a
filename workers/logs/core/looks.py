"""What a look at a log's files finds, and what is to be done about it.

Values only: who decides is `core.segments`, who looks, reads and compares is `logs.tail`.
"""

from dataclasses import dataclass
from enum import Enum

HEAD_BYTES = 1_024
"""Of a file's beginning: enough to tell one log from another, since lines begin with the time."""
WINDOW_BYTES = 256
"""In front of the offset; every read begins so much earlier, and so sees a changed file."""

Place = tuple[int, int]
"""Device and inode."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file as a look finds it. The shell has one, without a name, for what it holds open too."""

    name: str
    """Empty: it was deleted, and is still held open."""
    place: Place
    size: int | None
    """None when it is compressed: nobody knows before it is read."""
    changed: int
    """Its time of modification, nanoseconds."""
    head: bytes
    """The first `HEAD_BYTES` of its content, less if it has less; decompressed."""
    live: bool = False
    """Whether it has the very name that the server writes to."""


@dataclass(frozen=True, slots=True)
class Read:
    """Read the file of that name (empty: the one held) from `offset` on, and call `read`.

    If the bytes in front of `offset` are not `window`, or those from there on do not begin with
    `ahead`, it is another file: `changed`.
    """

    segment: str
    name: str
    place: Place
    offset: int
    window: bytes
    ahead: bytes = b""


@dataclass(frozen=True, slots=True)
class Compare:
    """Whether the bytes in front of `offset` in this file are `window`: `compared`."""

    segment: str
    name: str
    place: Place
    offset: int
    window: bytes


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do about the files that a look found."""

    reads: tuple[Read, ...] = ()
    """In the order of the log."""
    comparisons: tuple[Compare, ...] = ()
    settled: bool = True
    """Else, once all is compared: look again, before anything is read. A file is gone from where it
    was, and the look may have been too early to see where it is now."""


class Likeness(Enum):
    """What came of a `Compare`."""

    SAME = "the bytes are there"
    SHORTER = "the file ends in front of the offset"
    OTHER = "other bytes are there"
