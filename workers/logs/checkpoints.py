"""What a node knows of its logs for one subscriber, on the disk: a file for each subscriber.

Invariant: a reader finds the old or the new one, whole. An older one costs sending again, never a
line. A file that cannot be read is put aside, and everything that lies there is sent once more:
rather twice than not at all.
"""

import contextlib
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec

from workers.files import durable
from workers.logs.core.looks import HEAD_BYTES, WINDOW_BYTES
from workers.logs.core.segments import Segment

DIRECTORY = "logs"
"""In the node's state directory."""
ENDING = ".checkpoint"
VERSION = 1
log = logging.getLogger("muster.logs")

Count = Annotated[int, msgspec.Meta(ge=0)]
Window = Annotated[bytes, msgspec.Meta(max_length=WINDOW_BYTES)]
Key = tuple[str, str]
"""A source by name, and a path that it matches."""


class _Segment(msgspec.Struct, frozen=True, array_like=True):
    name: str
    number: Count
    place: tuple[Count, Count]
    kept: Count
    kept_window: Window
    floor: Count
    floor_window: Window
    head: Annotated[bytes, msgspec.Meta(max_length=HEAD_BYTES)]
    seen: Count
    changed: int
    home: bool
    whole: bool
    ended: bool
    missing: bool
    """Its file is: since when is a matter of a clock that begins anew with the machine."""
    file: str


class Counts(msgspec.Struct):
    """What became of a subscriber's logs since it is known here."""

    dropped_bytes: Count = 0
    """Given up, since the backlog was full; the subscriber is told."""
    lost_bytes: Count = 0
    """Gone before they could be read, as far as that can be known."""
    duplicates: Count = 0
    """Files that were sent anew, since nobody could tell whether they had been."""


class _Saved(msgspec.Struct, frozen=True):
    version: int
    counts: Counts
    logs: list[tuple[str, str, list[_Segment]]]


class Checkpoint:
    """Of one subscriber. `state`: the node's state directory. Raises `OSError`."""

    def __init__(self, state: Path, subscriber: str) -> None:
        self._path = state / DIRECTORY / f"{subscriber}{ENDING}"
        self.damaged = False
        """Nothing is known but that there was something."""

    def load(self, now: float) -> tuple[Counts, dict[Key, tuple[Segment, ...]]]:
        """What was saved, nothing if nothing was."""
        durable.make_directory(self._path.parent)
        try:
            saved = msgspec.msgpack.decode(self._path.read_bytes(), type=_Saved)
        except FileNotFoundError:
            return Counts(), {}
        except (msgspec.MsgspecError, RecursionError) as error:
            return self._put_aside(str(error))
        if saved.version != VERSION:
            return self._put_aside(f"version {saved.version} is not known here")
        return saved.counts, {
            (source, path): tuple(_opened(one, now) for one in segments)
            for source, path, segments in saved.logs
        }

    def save(self, counts: Counts, logs: Mapping[Key, tuple[Segment, ...]]) -> None:
        """Bring it to the disk."""
        found = [
            (source, path, [_closed(one) for one in segments])
            for (source, path), segments in logs.items()
        ]
        content = msgspec.msgpack.encode(_Saved(VERSION, counts, found))
        durable.replace(self._path, content, 0o600)

    def remove(self) -> None:
        """There is no such subscriber any more."""
        self._path.unlink(missing_ok=True)

    def _put_aside(self, why: str) -> tuple[Counts, dict[Key, tuple[Segment, ...]]]:
        aside = self._path.with_suffix(".damaged")
        durable.rename(self._path, aside)
        log.error("%s cannot be read, and is %s now: %s; all is sent anew", self._path, aside, why)
        self.damaged = True
        return Counts(), {}


def forget_others(state: Path, subscribers: frozenset[str]) -> None:
    """Remove the files of whoever is no subscriber any more."""
    with contextlib.suppress(FileNotFoundError):
        for path in sorted((state / DIRECTORY).iterdir()):
            if path.suffix == ENDING and path.stem not in subscribers:
                path.unlink(missing_ok=True)


def _closed(one: Segment) -> _Segment:
    return _Segment(
        one.name,
        one.number,
        one.place,
        one.kept,
        one.kept_window,
        one.floor,
        one.floor_window,
        one.head,
        one.seen,
        one.changed,
        one.home,
        one.whole,
        one.ended,
        one.since is not None,
        one.file,
    )


def _opened(one: _Segment, now: float) -> Segment:
    made = Segment(
        one.name,
        one.number,
        one.place,
        kept=one.kept,
        kept_window=one.kept_window,
        floor=one.floor,
        floor_window=one.floor_window,
        head=one.head,
        seen=one.seen,
        changed=one.changed,
        home=one.home,
        whole=one.whole,
        ended=one.ended,
        since=now if one.missing else None,
        file=one.file,
    )
    made.go_back()
    return made
