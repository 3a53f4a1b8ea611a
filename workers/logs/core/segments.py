"""Which bytes of a log were read already, whatever happens to its files: rotation by any means.

A segment is one life of a log's content: bytes that only grow. It outlives its file's name, its
inode (copied, compressed) and this process; a chunk is named by segment and offset, so that
whoever gets it twice knows. A look at the directory says what files there are; the tracker answers
what to read and what to compare. Each subscriber has a tracker of its own. Invariants: no byte of a
segment is asked for twice, but for those that a restart finds not `kept`; a file is taken for a
segment only if its beginning and the bytes in front of the offset are the segment's; and nothing
is to be read while a file's past is in doubt, so that lines keep their order.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from workers.logs.core.looks import (
    HEAD_BYTES,
    WINDOW_BYTES,
    Compare,
    Entry,
    Likeness,
    Place,
    Plan,
    Read,
)

PATIENCE_SECONDS = 30.0
"""So long a segment whose file is gone may turn up elsewhere before its rest counts as lost."""
HOMELESS_MAX = 64
"""Segments without a file that are remembered: the newest."""


class Fact(Enum):
    """What happened to a log; the value is the word shown to people."""

    ROTATED = "rotated"
    COPIED = "copied"
    """Its content goes on in a copy, since the file was truncated or compressed. The count is what
    was written behind the end of the copy."""
    TRUNCATED = "truncated"
    REWRITTEN = "rewritten"
    DELETED = "deleted"
    LOST = "lost"
    """Its file is nowhere to be found, and was not read to its end."""


@dataclass(frozen=True, slots=True)
class Told:
    """A fact about a segment; `count` is bytes, at least, and 0 for what has none."""

    fact: Fact
    segment: str
    count: int = 0


@dataclass(slots=True)
class Segment:
    """What is known of one. What `Tracker.saved` says of it can be written down."""

    name: str
    """Random, for ever."""
    number: int
    """They are read in this order."""
    place: Place
    offset: int = 0
    """Bytes read."""
    window: bytes = b""
    """The last of them."""
    head: bytes = b""
    seen: int = 0
    """The largest size that its file was seen to have."""
    changed: int = 0
    """When its file was written to last, as of the last read, nanoseconds."""
    touched: int = 0
    """The same as of the last look."""
    home: bool = True
    """Whether its file is known."""
    whole: bool = False
    """It was there before anybody looked: nothing of it is read."""
    ended: bool = False
    """It is compressed, and was read to its end."""
    since: float | None = None
    """Seconds: since when its file is missing, or deleted and at rest."""
    file: str = ""
    """The name that its file had at the last look."""
    rotated: float | None = None
    """Seconds: since when its file is known to have another name than the server writes to."""
    due: int | None = None
    """What it had a while after that. Only so much of it has to come before later ones."""
    likeness: dict[Place, Likeness] = field(default_factory=dict)
    """What begins as it does, and is not the file where it goes on."""
    flying: deque[tuple[int, bytes]] = field(default_factory=deque)
    """Offset and window after each piece that was read and is not kept yet."""
    kept: int = 0
    kept_window: bytes = b""
    dropped: int = 0
    """Bytes right in front of the offset that were given up, and of which nobody was told yet."""
    floor: int = 0
    """Everything in front of it was given up for good; 0 once the subscriber knows."""
    floor_window: bytes = b""

    @property
    def unread(self) -> int:
        """Bytes that are known to be there, and were neither read nor given up."""
        return 0 if self.whole else max(0, self.seen - self.offset)

    @property
    def unsettled(self) -> bool:
        """Whether some of its bytes are neither kept nor given up."""
        return not self.whole and max(self.kept, self.floor) < self.seen

    def holds_up(self, now: float) -> bool:
        """Whether later segments are to wait for it, if it is rotated; `now` in seconds."""
        if self.flying and (self.due is None or max(self.kept, self.floor) < self.due):
            return True
        return self.home and self.unread > 0 and not _elapsed(self.rotated, now)

    def begins(self, head: bytes) -> bool:
        """Whether a file with this beginning may be this segment's, as far as is known."""
        length = min(len(head), len(self.head))
        return self.head[:length] == head[:length]

    def resembles(self, head: bytes) -> bool:
        """Whether it begins the same, and enough is known to say so."""
        return bool(self.head and head) and self.begins(head)

    def take(self, data: bytes) -> None:
        """These bytes were read."""
        gap = len(self.head) - self.offset
        if 0 <= gap <= len(data):
            self.head = (self.head + data[gap : gap + HEAD_BYTES])[:HEAD_BYTES]
        self.offset += len(data)
        self.window = (self.window + data[-WINDOW_BYTES:])[-WINDOW_BYTES:]
        self.seen = max(self.seen, self.offset)
        self.flying.append((self.offset, self.window))

    def go_back(self) -> None:
        """Read on from what is kept, or from what was given up, which then is told again."""
        self.offset, self.window = self.kept, self.kept_window
        self.flying.clear()
        self.dropped = max(0, self.floor - self.kept)
        if self.dropped:
            self.offset, self.window = self.floor, self.floor_window

    def settle(self, offset: int) -> None:
        """The subscriber has what is in front of `offset`."""
        while self.flying and self.flying[0][0] <= offset:
            self.kept, self.kept_window = self.flying.popleft()
        if self.kept >= self.floor:
            self.floor, self.floor_window = 0, b""


class Tracker:
    """The segments of one log for one subscriber. Mutable; called by one thread.

    `names` gives names that nothing else has. `known`: what `saved` said before a restart; None for
    a log that nobody looked at yet: the files that lie beside it then are left alone.
    """

    def __init__(self, names: Iterator[str], known: Iterable[Segment] | None = None) -> None:
        self._names = names
        self._segments = {one.name: one for one in known or ()}
        self._number = max((one.number for one in self._segments.values()), default=0)
        self._first = known is None
        self._live: Place | None = None
        self._told: list[Told] = []

    def segments(self) -> tuple[Segment, ...]:
        """All that is known, in the order of reading."""
        return tuple(sorted(self._segments.values(), key=lambda one: one.number))

    def saved(self) -> tuple[Segment, ...]:
        """What to go on from after a restart: what is not kept is read again."""
        found = tuple(
            replace(
                one,
                ended=one.ended and one.kept == one.offset,
                likeness={},
                flying=deque(),
            )
            for one in self.segments()
        )
        for one in found:
            one.go_back()
        return found

    def drop(self, name: str, offset: int, window: bytes) -> None:
        """Give up what is in front of `offset`, where `window` stands, and was not read; for good.

        What flies is given up with it, should it not arrive.
        """
        segment = self._segments[name]
        segment.dropped += offset - segment.offset
        segment.offset, segment.window = offset, window
        segment.floor, segment.floor_window = offset, window

    def tell_dropped(self, name: str) -> int:
        """How many bytes in front of the offset are told now; they fly as if they were read."""
        segment = self._segments[name]
        count, segment.dropped = segment.dropped, 0
        if count:
            segment.flying.append((segment.offset, segment.window))
        return count

    def rewind(self, name: str, position: int, now: float) -> None:
        """The subscriber has everything in front of `position`, and nothing behind it.

        That may be less than it once said, if it lost its own disk.
        """
        self.kept(name, position)
        segment = self._segments.get(name)
        if segment is None or segment.whole:
            return
        if position < segment.kept:
            segment.kept, segment.kept_window = position, b""
        segment.go_back()
        segment.likeness.clear()
        segment.ended = False
        segment.since = None if segment.home else now

    def rewind_all(self, now: float) -> None:
        """Nothing that flies arrives: read it again."""
        for segment in self.segments():
            if segment.flying:
                self.rewind(segment.name, segment.kept, now)

    def facts(self) -> list[Told]:
        """What happened since the last call."""
        told, self._told = self._told, []
        return told

    def look(self, entries: Sequence[Entry], now: float) -> Plan:
        """What to do about the files that there are. `now` in seconds."""
        by_place = {one.place: one for one in entries}
        self._live = next((one.place for one in entries if one.live), None)
        at_home = [one for one in self.segments() if one.home]
        reads = [read for one in at_home for read in self._at_home(one, by_place, now)]
        if not all(one.home for one in at_home):
            return Plan(settled=False)
        strangers = [one for one in entries if one.name and not self._owned(one.place)]
        strangers.sort(key=_age)
        if comparisons := [step for one in strangers for step in self._comparisons(one)]:
            return Plan(comparisons=tuple(comparisons), settled=False)
        for entry in sorted(strangers, key=lambda one: not one.live):
            reads += self._stranger(entry)
        self._order(by_place)
        self._first = self._first and not entries
        self._forget(by_place, now)
        reads.sort(key=lambda one: self._segments[one.segment].number)
        return Plan(tuple(reads))

    def waits(self, name: str, now: float) -> bool:
        """Whether a segment has to wait: of an earlier one something is on its way, or unread.

        A piece may be refused or lost, and what is behind it arrive. A rotated file that somebody
        goes on writing to holds up what came after it for a while only.
        """
        number = self._segments[name].number
        return any(
            one.holds_up(now)
            for one in self._segments.values()
            if one.number < number and not (one.home and one.place == self._live)
        )

    def read(self, name: str, offset: int, data: bytes, *, ended: bool = False) -> bytes:
        """These bytes were read from `offset` on; `ended`: a compressed file has no more.

        Answers what stands in front of the next read.
        """
        segment = self._segments[name]
        segment.changed = segment.touched
        if segment.offset == offset:
            if data:
                segment.take(data)
            segment.ended = ended
        return segment.window

    def kept(self, name: str, offset: int) -> bool:
        """The subscriber has everything in front of `offset`, for good.

        Whether something that waited for it may be read now.
        """
        segment = self._segments.get(name)
        if segment is None:
            return False
        segment.settle(offset)
        later = (one for one in self._segments.values() if one.number > segment.number)
        return not segment.flying and any(one.unread or one.dropped for one in later)

    def changed(self, name: str, now: float) -> None:
        """The file is no longer what it was, though its name and size say nothing of it."""
        segment = self._segments.get(name)
        if segment is not None and segment.home:
            self._leave(segment, Fact.REWRITTEN, now)

    def compared(self, step: Compare, entry: Entry, likeness: Likeness) -> None:
        """What came of a comparison."""
        segment = self._segments.get(step.segment)
        if segment is None or segment.home or self._owned(entry.place):
            return
        if likeness is not Likeness.SAME:
            segment.likeness[step.place] = likeness
            return
        segment.place, segment.home, segment.since = entry.place, True, None
        segment.file, segment.ended = entry.name, False
        segment.head = min(segment.head, entry.head, key=len)  # a copy may end before that
        segment.changed = segment.touched = entry.changed
        size = segment.seen if entry.size is None else entry.size
        self._told.append(Told(Fact.COPIED, segment.name, max(0, segment.seen - size)))
        segment.seen = max(segment.offset, size)

    def _owned(self, place: Place) -> bool:
        return any(one.home and one.place == place for one in self._segments.values())

    def _at_home(self, segment: Segment, by_place: dict[Place, Entry], now: float) -> list[Read]:
        entry = by_place.get(segment.place)
        fact = _departure(segment, entry)
        if entry is None or fact is not None:
            self._leave(segment, fact or Fact.DELETED, now)
            return []
        if not segment.seen and entry.name and not entry.live:
            # Nothing is known of it but an inode, which may be another file's by now.
            del self._segments[segment.name]
            return []
        if entry.name != segment.file and entry.name and not entry.live:
            self._told.append(Told(Fact.ROTATED, segment.name))
        if not entry.live and segment.rotated is None:
            segment.rotated = now
        segment.head = max(segment.head, entry.head, key=len)
        segment.file, segment.touched = entry.name or segment.file, entry.changed
        moved = segment.touched != segment.changed
        if segment.whole:
            return []
        if entry.size is None:
            return [_reading(segment, entry)] if moved or not segment.ended else []
        segment.seen = max(segment.seen, entry.size)
        if segment.due is None and _elapsed(segment.rotated, now):
            segment.due = segment.seen
        if moved or entry.size > segment.offset:
            segment.since = None
            # Of an empty file nothing is known that a read could compare: what comes may be later.
            return [_reading(segment, entry)] if entry.size else []
        if not entry.name:
            self._at_rest(segment, now)
        return []

    def _at_rest(self, segment: Segment, now: float) -> None:
        """Its file is deleted, but held open; whoever writes may not have noticed yet."""
        if segment.since is None:
            segment.since = now
        elif _elapsed(segment.since, now) and not segment.flying:
            self._leave(segment, Fact.DELETED, now)

    def _leave(self, segment: Segment, fact: Fact, now: float) -> None:
        self._told.append(Told(fact, segment.name))
        segment.home, segment.since = False, now
        if not segment.seen:
            del self._segments[segment.name]

    def _comparisons(self, entry: Entry) -> list[Compare]:
        """A file that no segment calls its own may be where one goes on that lost its file."""
        return [
            Compare(one.name, entry.name, entry.place, one.offset, one.window)
            for one in self._alike(entry)
            if not one.home and entry.place not in one.likeness
        ]

    def _alike(self, entry: Entry) -> list[Segment]:
        """What begins as a file does; for sure, where a mistake would leave lines out."""
        alike = [one for one in self._segments.values() if one.resembles(entry.head)]
        if entry.live:
            alike = [one for one in alike if one.place != entry.place]
        if entry.live or self._first:
            alike = [one for one in alike if len(one.head) == len(entry.head) == HEAD_BYTES]
        return alike

    def _stranger(self, entry: Entry) -> list[Read]:
        """A file that no segment goes on in: a new one, or a copy."""
        if not entry.live:
            if not entry.head:
                return []  # a copy that has only just begun
            found = {one.likeness.get(entry.place) for one in self._alike(entry)}
            if not found <= {Likeness.OTHER}:
                return []  # a copy of what is read elsewhere, or was read beyond its end
        segment = self._begin(entry)
        return [] if segment.whole or entry.size == 0 else [_reading(segment, entry)]

    def _begin(self, entry: Entry) -> Segment:
        self._number += 1
        segment = Segment(next(self._names), self._number, entry.place, head=entry.head)
        segment.file, segment.seen = entry.name, entry.size or 0
        segment.changed = segment.touched = entry.changed
        segment.whole = self._first and not entry.live
        self._segments[segment.name] = segment
        return segment

    def _order(self, by_place: dict[Place, Entry]) -> None:
        """What nothing has gone out of comes in the order of its files."""
        ages = {
            one.name: _age(by_place[one.place])
            for one in self.segments()
            if one.home and by_place[one.place].name and not (one.offset or one.kept)
        }
        by_age = sorted(ages, key=lambda name: ages[name])
        if by_age != list(ages):
            for name in by_age:
                self._number += 1
                self._segments[name].number = self._number

    def _forget(self, by_place: dict[Place, Entry], now: float) -> None:
        homeless = [one for one in self.segments() if not one.home]
        for one in homeless:
            if _elapsed(one.since, now):
                one.since = None
                if one.seen > one.offset and not one.whole:
                    self._told.append(Told(Fact.LOST, one.name, one.seen - one.offset))
                    one.seen = one.offset
        for one in homeless[:-HOMELESS_MAX]:
            del self._segments[one.name]
        for one in self._segments.values():
            one.likeness = {key: one.likeness[key] for key in one.likeness if key in by_place}


def _departure(segment: Segment, entry: Entry | None) -> Fact | None:
    """What happened to a segment's file, if it is not where it was; None: it is."""
    if entry is None:
        return Fact.DELETED
    if entry.size is not None and entry.size < max(segment.seen, len(segment.head)):
        return Fact.TRUNCATED
    return None if segment.begins(entry.head) else Fact.REWRITTEN


def _elapsed(since: float | None, now: float) -> bool:
    """Whether something has lasted as long as it is waited for."""
    return since is not None and now - since >= PATIENCE_SECONDS


def _reading(segment: Segment, entry: Entry) -> Read:
    ahead = segment.head[segment.offset :]
    return Read(segment.name, entry.name, entry.place, segment.offset, segment.window, ahead)


def _age(entry: Entry) -> tuple[bool, int, int, str]:
    """Orders a log's files from the oldest: by the number in the name, then by the time."""
    digits = re.search(r"\.(\d{1,4})(\.[a-z0-9]+)?$", entry.name)
    number = int(digits[1]) if digits else 0
    return entry.live, -number, entry.changed, entry.name
