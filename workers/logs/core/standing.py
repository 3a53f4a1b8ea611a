"""How a node's logs are, per subscriber: what its shipper writes down, and tells managers.

Truth is what is told last; so whatever is lost on the way is told again soon, and what has not
changed is told seldom. Invariant: a message fits, whatever the node ships: of many files those
that are furthest behind are named, the others counted.
"""

from collections.abc import Iterable
from typing import Annotated

import msgspec
from msgspec.structs import replace

from workers.logs.core.definitions import BACKLOG_BYTES

SUBSCRIBERS_MAX = 64
FILES_MAX = 256
AGAIN_SECONDS = 30.0
"""So often it is told though nothing has changed: whoever hears nothing for longer knows why."""
SPACING_SECONDS = 2.0

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=63)]
Path = Annotated[str, msgspec.Meta(max_length=4_096)]
Bytes = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e10)]


class File(msgspec.Struct, frozen=True):
    """One file of a log as it is for one subscriber."""

    name: Name
    """Of the log."""
    path: Path
    size: Bytes
    """On the node's disk."""
    kept: Bytes
    """Everything in front of it is on the subscriber's disk."""
    read: Bytes = 0
    lag_seconds: Seconds = 0.0
    """The age of the oldest line that the subscriber has not kept."""


class Subscription(msgspec.Struct, frozen=True):
    """How far one subscriber is."""

    name: Name
    connected: bool
    """Whether the node has a broker that takes its logs."""
    backlog_bytes: Bytes
    backlog_seconds: Seconds
    backlog_limit_bytes: Bytes = BACKLOG_BYTES
    """Past it the node gives the oldest up."""
    in_flight_bytes: Bytes = 0
    """Of the backlog, what is on its way."""
    dropped_bytes: Bytes = 0
    """Given up so far, since the backlog was full."""
    lost_bytes: Bytes = 0
    """Gone before they could be read, as far as that can be known."""
    duplicates: Bytes = 0
    """Files that were sent anew, since nobody could tell whether they had been."""
    sources: Annotated[tuple[File, ...], msgspec.Meta(max_length=FILES_MAX)] = ()
    more: Bytes = 0
    """Files that are not named."""


class Standing(msgspec.Struct, frozen=True, tag="shipping"):
    """All of a node's subscribers, as its shipper tells it."""

    node: Name
    subscribers: Annotated[tuple[Subscription, ...], msgspec.Meta(max_length=SUBSCRIBERS_MAX)]


class _Written(msgspec.Struct, frozen=True):
    subscribers: list[dict[str, object]]


def read_status(text: bytes) -> tuple[Subscription, ...]:
    """What a shipper has written down (logs-status.json); raises ValueError for anything else."""
    written = msgspec.json.decode(text, type=_Written).subscribers
    return tuple(_subscription(one) for one in written[:SUBSCRIBERS_MAX])


def shorter(standing: Standing) -> Standing | None:
    """The same with half of the files, for a message that is too large; None: there are none."""
    if not any(one.sources for one in standing.subscribers):
        return None
    fewer = (_cut(one, len(one.sources) // 2) for one in standing.subscribers)
    return replace(standing, subscribers=tuple(fewer))


def is_due(before: object, now: object, seconds: float) -> bool:
    """Whether to tell `now`, so long after `before` was told."""
    return seconds >= (SPACING_SECONDS if before != now else AGAIN_SECONDS)


def on_disk(files: Iterable[File]) -> int:
    """Bytes that the files take on the node's disk."""
    return sum({file.path: file.size for file in files}.values())


def _subscription(written: dict[str, object]) -> Subscription:
    files = msgspec.convert(written.get("sources", ()), tuple[File, ...])
    whole = msgspec.convert({**written, "sources": ()}, Subscription)
    return _cut(replace(whole, sources=files), FILES_MAX)


def _cut(one: Subscription, most: int) -> Subscription:
    """So many of its files, those furthest behind."""
    if len(one.sources) <= most:
        return one
    by_lag = sorted(one.sources, key=lambda file: file.kept - file.size)
    return replace(one, sources=tuple(by_lag[:most]), more=one.more + len(one.sources) - most)
