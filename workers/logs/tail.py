"""The files of one log, read for one subscriber: looks, comparisons and chunks.

The decisions are `core.segments`'. Invariants: what is read from a file is compared, in the same
read, with what stood in front of it; a file is held open from the first look at it until it was
read to its end, so one that is deleted meanwhile is read all the same. Memory is bounded by `room`.
"""

import contextlib
import logging
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from workers.logs import files
from workers.logs.core.chunks import CHUNK_BYTES, cut
from workers.logs.core.looks import (
    HEAD_BYTES,
    WINDOW_BYTES,
    Compare,
    Entry,
    Likeness,
    Place,
    Read,
)
from workers.logs.core.segments import PATIENCE_SECONDS, Segment, Told, Tracker

QUIET_SECONDS = 5.0
"""A rotated file that nobody wrote to for so long may end without a line's end."""
HELD_MAX = 256
"""Files held open only because there is no room to read them; more may be lost when deleted."""
LOOKS_MAX = 5
"""In a row, while files are being rotated; then it is looked again later."""
NANOSECONDS = 1_000_000_000
log = logging.getLogger("muster.logs")


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes of a segment from `offset` on; `dropped` bytes in front of it were given up."""

    segment: str
    offset: int
    data: bytes
    dropped: int = 0


class Tail:
    """One log. For one thread.

    `names` gives names for segments; `known` is what `saved` said before, None for a log that is
    new.
    """

    def __init__(
        self, log_file: Path, names: Iterator[str], known: Iterable[Segment] | None = None
    ) -> None:
        self._file = log_file
        self._tracker = Tracker(names, known)
        self._held: dict[Place, int] = {}
        self._heads: dict[Place, tuple[tuple[int, int], bytes]] = {}
        """With the time and size that they were read at."""
        self._unreadable: dict[Place, int] = {}
        self._entries: dict[Place, Entry] = {}
        self._stirred: tuple[int, ...] = ()

    def stirred(self) -> bool:
        """Whether the log, or the names beside it, changed since the last call; two calls of stat.

        What only time or a rotated file tells, a look tells.
        """
        stamp: tuple[int, ...] = ()
        for path in (self._file, self._file.parent):
            with contextlib.suppress(OSError):
                found = path.stat(follow_symlinks=False)
                stamp += (found.st_ino, found.st_mtime_ns, found.st_size)
        before, self._stirred = self._stirred, stamp
        return stamp != before

    def chunks(self, now: float, wall: float, room: int) -> list[Chunk]:
        """Look once; what is new, in order, until at least `room` bytes are there.

        `now` is monotonic, `wall` the time of day, both in seconds. Raises `OSError` when the
        directory cannot be read.
        """
        reads = self._settled(now)
        found = self._tell_dropped(now) if room > 0 else []
        while reads and room > 0 and not self._tracker.waits(reads[0].segment, now):
            step = reads.pop(0)
            try:
                for chunk in self._read(step, now, wall):
                    found.append(chunk)
                    room -= len(chunk.data)
                    if room <= 0:
                        break
            except files.MovedError:
                break  # what is behind it has to wait for another look
            except files.DAMAGED as error:
                self._leave_alone(step, error)
        self._hold(reads)
        self._let_go(wall)
        return found

    def rewind(self, segment: str, position: int, now: float) -> None:
        """The subscriber has what is in front of `position`, and asks for the rest again."""
        self._tracker.rewind(segment, position, now)

    def rewind_all(self, now: float) -> None:
        """Read everything again that is not kept."""
        self._tracker.rewind_all(now)

    def drop(self, count: int) -> int:
        """Give up at least so many bytes that were not read, the oldest first, up to a line's end.

        Answers how many. The next chunks tell of them.
        """
        done = 0
        for segment in self._tracker.segments():
            if done >= count:
                break
            if segment.unread:
                before, target = segment.offset, segment.offset + count - done
                target, window = self._line_end(segment, min(target, segment.seen))
                self._tracker.drop(segment.name, target, window)
                done += target - before
        return done

    def unread(self) -> int:
        """Bytes that are known to be there and were not read; compressed files count as none."""
        return sum(one.unread for one in self._tracker.segments())

    def segments(self) -> tuple[Segment, ...]:
        """What is known of the log, in the order of reading; to look at only."""
        return self._tracker.segments()

    @property
    def empty(self) -> bool:
        """Whether there was no file at the last look, and nothing of earlier ones is to be sent."""
        return not self._entries and not any(one.unsettled for one in self.segments())

    def kept(self, segment: str, offset: int) -> bool:
        """The subscriber has everything of a segment in front of `offset`.

        Whether something that waited for it may be read now.
        """
        return self._tracker.kept(segment, offset)

    def saved(self) -> tuple[Segment, ...]:
        """What to go on from after a restart."""
        return self._tracker.saved()

    def facts(self) -> list[Told]:
        """What happened to the log since the last call."""
        return self._tracker.facts()

    def close(self) -> None:
        """Let go of all files."""
        for handle in self._held.values():
            os.close(handle)
        self._held.clear()

    # Looking.

    def _settled(self, now: float) -> list[Read]:
        """What to read, once it is known what became of every file."""
        for _ in range(LOOKS_MAX):
            if (entries := self._look()) is None:
                continue
            self._entries = {one.place: one for one in entries}
            plan = self._tracker.look(entries, now)
            if plan.settled:
                return list(plan.reads)
            for step in plan.comparisons:
                try:
                    self._compare(step)
                except files.MovedError:
                    break
                except files.DAMAGED as error:
                    self._leave_alone(step, error)
        return []

    def _look(self) -> list[Entry] | None:
        """The files as they are; None while they are being renamed.

        What gets another name while its directory is listed may be missing in the list, and of
        what is renamed between two looks at files they tell of different times. So the lists in
        front of them and behind them have to be the same.
        """
        before = self._places()
        present = dict(self._present())
        self._forget(set(before.values()))
        entries = [
            entry
            for name, found in present.items()
            if (entry := self._entry(name, found)) is not None
        ]
        now = {name: files.place_of(found) for name, found in present.items()}
        if not before == now == self._places():
            return None
        for place, handle in self._held.items():
            if place not in now.values():
                head = os.pread(handle, HEAD_BYTES, 0)
                entries.append(self._described("", os.fstat(handle), head))
        return entries

    def _places(self) -> dict[str, Place]:
        return {name: files.place_of(found) for name, found in self._present()}

    def _forget(self, places: set[Place]) -> None:
        self._heads = {key: self._heads[key] for key in self._heads if key in places}
        self._unreadable = {key: self._unreadable[key] for key in self._unreadable if key in places}

    def _present(self) -> Iterator[tuple[str, os.stat_result]]:
        """The log, and the files beside it that may be its past."""
        own = self._file.name
        for name in sorted(os.listdir(self._file.parent)):
            if name == own or name.startswith((f"{own}.", f"{own}-")):
                with contextlib.suppress(FileNotFoundError):
                    found = self._file.with_name(name).stat(follow_symlinks=False)
                    if stat.S_ISREG(found.st_mode):
                        yield name, found

    def _entry(self, name: str, found: os.stat_result) -> Entry | None:
        """A file and how it begins; None: it is left alone, or another file by now."""
        place, path = files.place_of(found), self._file.with_name(name)
        if self._unreadable.get(place) == found.st_mtime_ns:
            return None
        known, state = self._heads.get(place), _state(found)
        if known is not None and known[0] == state:
            return self._described(name, found, known[1])
        try:
            head, after = files.head_of(path, place)
        except files.MovedError:
            return None
        except files.DAMAGED as error:
            self._say_unreadable(path, place, found.st_mtime_ns, error)
            return None
        if _state(after) == state:
            self._heads[place] = state, head
        return self._described(name, after, head)

    def _described(self, name: str, found: os.stat_result, head: bytes) -> Entry:
        size = None if files.is_compressed(name) else found.st_size
        live = name == self._file.name
        return Entry(name, files.place_of(found), size, found.st_mtime_ns, head, live)

    # Reading.

    def _read(self, step: Read, now: float, wall: float) -> Iterator[Chunk]:
        entry = self._entries[step.place]
        if entry.size is None:
            yield from self._read_compressed(step)
            return
        handle, ahead = self._handle(step.name, step.place), step.ahead
        final = not entry.live and wall - entry.changed / NANOSECONDS > QUIET_SECONDS
        offset, window = step.offset, step.window
        while True:
            found = os.pread(handle, len(window) + CHUNK_BYTES, offset - len(window))
            start = len(window)
            if not found.startswith(window + ahead):
                self._heads.pop(step.place, None)
                self._tracker.changed(step.segment, now)
                raise files.MovedError
            ahead = b""
            data = found[start : start + cut(found, start, final=final)]
            window = self._tracker.read(step.segment, offset, data)
            if not data:
                return
            yield Chunk(step.segment, offset, data)
            offset += len(data)

    def _read_compressed(self, step: Read) -> Iterator[Chunk]:
        with files.Content(self._file.with_name(step.name), step.place) as content:
            if not content.skip(step.offset):
                return
            offset, rest = step.offset, b""
            while True:
                rest += content.read(CHUNK_BYTES - len(rest))
                end = len(rest) < CHUNK_BYTES
                data = rest[: cut(rest, final=end)]
                rest = rest[len(data) :]
                self._tracker.read(step.segment, offset, data, ended=end and not rest)
                if data:
                    yield Chunk(step.segment, offset, data)
                    offset += len(data)
                if end and not rest:
                    return

    def _compare(self, step: Compare) -> None:
        entry = self._entries[step.place]
        start = step.offset - len(step.window)
        if entry.size is None:
            with files.Content(self._file.with_name(step.name), step.place) as content:
                short = not content.skip(start)
                found = b"" if short else content.read(len(step.window))
        else:
            found = os.pread(self._handle(step.name, step.place), len(step.window), start)
        likeness = Likeness.SAME if found == step.window else Likeness.OTHER
        if len(found) < len(step.window):
            likeness = Likeness.SHORTER
        self._tracker.compared(step, entry, likeness)

    def _handle(self, name: str, place: Place) -> int:
        if place not in self._held:
            self._held[place] = files.open_plain(self._file.with_name(name), place)
        return self._held[place]

    def _leave_alone(self, step: Read | Compare, error: BaseException) -> None:
        path, changed = self._file.with_name(step.name), self._entries[step.place].changed
        self._say_unreadable(path, step.place, changed, error)

    def _say_unreadable(self, path: Path, place: Place, changed: int, error: BaseException) -> None:
        """Leave a file alone until somebody changes it."""
        log.warning("%s cannot be read on: %s", path, error)
        self._unreadable[place] = changed

    def _tell_dropped(self, now: float) -> list[Chunk]:
        return [
            Chunk(one.name, one.offset, b"", self._tracker.tell_dropped(one.name))
            for one in self._tracker.segments()
            if one.dropped and not self._tracker.waits(one.name, now)
        ]

    def _line_end(self, segment: Segment, target: int) -> tuple[int, bytes]:
        """The first end of a line from `target` on, and what stands in front of it."""
        handle = self._held.get(segment.place) if segment.home else None
        if handle is None:
            return segment.seen, b""
        end = os.pread(handle, CHUNK_BYTES, target - 1).find(b"\n")
        target = min(target + end if end >= 0 else segment.seen, segment.seen)
        start = max(0, target - WINDOW_BYTES)
        return target, os.pread(handle, target - start, start)

    def _hold(self, steps: Iterable[Read]) -> None:
        """Open what there was no room to read: it may be deleted before there is."""
        for step in steps:
            entry = self._entries[step.place]
            if entry.size is not None and len(self._held) < HELD_MAX:
                with contextlib.suppress(files.MovedError, OSError):
                    self._handle(step.name, step.place)

    def _let_go(self, wall: float) -> None:
        """Close what no segment is at home in, and what was read to its end a while ago."""
        wanted = {
            one.place
            for one in self._tracker.segments()
            if one.home
            and (
                one.file == self._file.name
                or one.unsettled
                or wall - one.changed / NANOSECONDS < PATIENCE_SECONDS
            )
        }
        for place in [one for one in self._held if one not in wanted]:
            os.close(self._held.pop(place))


def _state(found: os.stat_result) -> tuple[int, int]:
    return found.st_mtime_ns, found.st_size
