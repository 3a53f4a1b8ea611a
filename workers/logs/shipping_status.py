"""What a node's shipper says of itself: a file in the state directory, for whoever shows it.

Written whole, at most every `EVERY_SECONDS` and only when something changed. It is for people and
metrics: nothing is decided by it, and a disk without room for it holds nothing up.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from workers.files import durable

STATUS = "logs-status.json"
"""In the node's state directory."""
EVERY_SECONDS = 5.0


class SourceStatus(msgspec.Struct, frozen=True):
    """One file of a log. Bytes of a segment: on the disk, read, and kept by the subscriber."""

    name: str
    path: str
    segment: str
    size: int
    read: int
    kept: int
    lag_seconds: float


class SubscriberStatus(msgspec.Struct, frozen=True):
    """How one subscriber is served."""

    name: str
    connected: bool
    backlog_bytes: int
    backlog_seconds: float
    backlog_limit_bytes: int
    in_flight_bytes: int
    dropped_bytes: int
    lost_bytes: int
    duplicates: int
    sources: list[SourceStatus]


class Status(msgspec.Struct, frozen=True):
    """The file."""

    subscribers: list[SubscriberStatus]


class StatusFile:
    """Where the status is written. `state`: the node's state directory."""

    def __init__(self, state: Path) -> None:
        self._path = state / STATUS
        self._said: Status | None = None
        self._after = 0.0

    def due(self, now: float) -> bool:
        """Whether it may be written again."""
        return now >= self._after

    def tell(self, subscribers: Sequence[SubscriberStatus], now: float) -> None:
        """Write it, if it says anything new; raises `OSError`."""
        self._after = now + EVERY_SECONDS
        status = Status(list(subscribers))
        if status != self._said:
            durable.replace(self._path, msgspec.json.encode(status))
            self._said = status
