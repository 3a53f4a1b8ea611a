"""A node's logs for one subscriber: what is sent, what is kept, and what is given up.

Invariants: nothing of a segment is sent before the segment's name is on the disk, so that a death
sends it again under the same name; at most the window is in flight, so memory is bounded; past the
backlog's limit the oldest is given up, counted, and told. Not here: the connection, and when.
"""

import logging
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from workers.logs import matching
from workers.logs.checkpoints import Checkpoint, Key
from workers.logs.core.chunks import CHUNK_BYTES
from workers.logs.core.definitions import Source, Subscriber
from workers.logs.core.lateness import Lateness
from workers.logs.core.messages import Kept, Shipment, Want
from workers.logs.core.segments import Fact, Told
from workers.logs.core.window import WINDOW_BYTES, Window
from workers.logs.shipping_status import SourceStatus, SubscriberStatus
from workers.logs.tail import Chunk, Tail

LOOK_SECONDS = 1.0
"""What no change of the log tells, such as the end of a rotated one, is seen so often."""
MATCH_SECONDS = 5.0
SAVE_SECONDS = 1.0
SHARE_BYTES = 4 * CHUNK_BYTES
"""Of a log in a row, when others wait."""
WARN_PART, LEFT_PART = 0.8, 0.9
"""Of the backlog's limit: when it is told, and what is left when some is given up."""
log = logging.getLogger("muster.logs")


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose logs these are."""

    subcluster: str
    node: str


@dataclass(slots=True)
class _Log:
    """A file that is followed."""

    tail: Tail
    lateness: Lateness
    looked: float = -LOOK_SECONDS
    more: bool = False
    """There was no room for all of it."""
    problem: str = ""
    """Why it could not be looked at."""


class Shipping:
    """Of one subscriber; for one thread. Times: `now` monotonic, `wall` of the day, in seconds.

    `send` takes a shipment on its way, or raises; then call `lost`. `state`: the node's state
    directory. Raises `OSError` when that cannot be used.
    """

    def __init__(
        self,
        identity: Identity,
        subscriber: Subscriber,
        state: Path,
        send: Callable[[Shipment], None],
        now: float,
    ) -> None:
        self.subscriber = subscriber
        self._identity = identity
        self._send = send
        self._checkpoint = Checkpoint(state, subscriber.name)
        self._counts, self._known = self._checkpoint.load(now)
        self._window = Window(self._limit())
        self._sources: tuple[Source, ...] = ()
        self._begun = {source for source, _ in self._known}
        self._logs: dict[Key, _Log] = {}
        self._safe = {one.name for segments in self._known.values() for one in segments}
        """Names of segments that are on the disk."""
        self._match_after = self._save_after = 0.0
        self._changed = False
        self._connected = self._refused = False
        self._warned = False
        self._said = ""

    def follow(self, sources: Sequence[Source], subscriber: Subscriber) -> None:
        """Ship these from the next round on; other logs are forgotten."""
        self.subscriber, self._sources = subscriber, tuple(sources)
        self._window.limit = self._limit()
        paths = {one.name: one.path for one in sources}
        self._begun &= set(paths)
        for key in [*self._known, *self._logs]:
            if key[0] not in paths or not matching.names(paths[key[0]], key[1]):
                self._known.pop(key, None)
                if key in self._logs:
                    self._logs.pop(key).tail.close()
        self._match_after, self._changed = 0.0, True

    def connected(self, *, taking: bool) -> None:
        """There is a broker; whether it reads what is sent: not when it is short of memory."""
        self._connected = taking

    def lost(self, now: float) -> None:
        """The connection is, and with it whatever flew: it is sent again."""
        self._connected, self._refused = False, False
        self.send_again(now)

    def refused(self, now: float) -> None:
        """The broker has no room for a piece, or no queue: try again later."""
        self._refused = True
        self._pause(now)

    def send_again(self, now: float) -> None:
        """Everything that is not kept."""
        self._window.empty()
        for one in self._logs.values():
            one.tail.rewind_all(now)
            one.more = True

    def heard(self, message: Kept | Want, now: float) -> None:
        """The subscriber says what it has, or asks for what it lacks."""
        if isinstance(message, Kept):
            self._refused = False
            for segment, position in message.positions:
                self._window.kept(segment, position, now)
                for one in self._logs.values():
                    one.more |= one.tail.kept(segment, position)
            self._changed = True
        elif self._window.wanted(message.segment, message.position, now):
            for one in self._logs.values():
                one.tail.rewind(message.segment, message.position, now)
                one.more = True

    def round(self, now: float, wall: float, *, ready: bool) -> bool:
        """Look at the logs and send what there is room for, if `ready`; whether there is more.

        Raises what `send` raises.
        """
        if now >= self._match_after:
            self._match_after = now + MATCH_SECONDS
            self._match()
        if self._window.silent(now):
            log.warning("%s answers nothing; it is sent to again", self.subscriber.name)
            self.send_again(now)
        room = self._window.room(now) if ready else 0
        for key, one in self._in_turn():
            share = min(room, SHARE_BYTES)
            if one.tail.stirred() or now - one.looked >= LOOK_SECONDS or (one.more and share):
                room -= self._ship(key, one, now, wall, share)
        self._limit_backlog(now)
        self.save(now)
        return ready and self._window.room(now) > 0 and any(one.more for one in self._logs.values())

    def save(self, now: float, *, at_once: bool = False) -> bool:
        """Bring what is known to the disk, if it is time; False when that cannot be done."""
        if not at_once and (not self._changed or now < self._save_after):
            return True
        self._save_after = now + SAVE_SECONDS
        saved = {key: one.tail.saved() for key, one in self._logs.items()}
        try:
            self._checkpoint.save(self._counts, saved)
        except OSError as error:
            self._say(f"checkpoints cannot be written: {error}; make room, it goes on by itself")
            return False
        self._say("")
        self._changed = False
        self._safe = {one.name for segments in saved.values() for one in segments}
        return True

    def status(self, now: float) -> SubscriberStatus:
        """How it stands."""
        lags = {key: round(one.lateness.seconds(now), 1) for key, one in self._logs.items()}
        return SubscriberStatus(
            name=self.subscriber.name,
            connected=self._connected and not self._refused,
            backlog_bytes=self._backlog(),
            backlog_seconds=max(lags.values(), default=0.0),
            backlog_limit_bytes=self.subscriber.backlog_bytes,
            in_flight_bytes=self._window.bytes,
            dropped_bytes=self._counts.dropped_bytes,
            lost_bytes=self._counts.lost_bytes,
            duplicates=self._counts.duplicates,
            sources=[
                SourceStatus(*key, one.name, one.seen, one.offset, one.kept, lags[key])
                for key, followed in self._logs.items()
                for one in followed.tail.segments()
                if one.unsettled or (one.home and one.file == Path(key[1]).name)
            ],
        )

    def close(self) -> None:
        """Let go of all files."""
        for one in self._logs.values():
            one.tail.close()
        self._logs.clear()

    # Which files.

    def _match(self) -> None:
        """Follow what the sources name now, and leave what is gone."""
        wanted: set[Key] = set()
        for source in self._sources:
            paths, over = matching.matches(source.path)
            if over:
                log.error("%s: %s files more than can be followed", source.path, over)
            for path in paths:
                wanted.add((source.name, path))
                self._begin((source.name, path))
            self._begun.add(source.name)
        for key in [key for key in self._known if key not in self._logs]:
            self._begin(key)  # it may have been rotated away while nobody looked
        for key, one in list(self._logs.items()):
            if key not in wanted and one.looked >= 0 and one.tail.empty:
                self._logs.pop(key).tail.close()
                self._changed = True

    def _begin(self, key: Key) -> None:
        """What lies beside a log of a new source is left alone; beside any other it may be new."""
        if key in self._logs:
            return
        new = key[0] not in self._begun and not self._checkpoint.damaged
        known = self._known.pop(key, None if new else ())
        self._logs[key] = _Log(Tail(Path(key[1]), _names(), known), Lateness(), more=True)
        self._changed = True

    def _in_turn(self) -> list[tuple[Key, _Log]]:
        """The logs, another one first each time."""
        if self._logs:
            first = next(iter(self._logs))
            self._logs[first] = self._logs.pop(first)
        return list(self._logs.items())

    # What is sent.

    def _ship(self, key: Key, one: _Log, now: float, wall: float, room: int) -> int:
        """Look at one log, and send up to `room` bytes of it and a chunk; how many."""
        first, one.looked, one.more = one.looked < 0, now, False
        try:
            chunks = one.tail.chunks(now, wall, room)
        except OSError as error:
            # A directory may come later, and go.
            if one.problem != str(error) and not isinstance(error, FileNotFoundError):
                log.warning("%s cannot be shipped: %s; it is tried again", key[1], error)
            one.problem = str(error)
            return 0
        one.problem = ""
        self._tell(key, one.tail.facts())
        segments = one.tail.segments()
        waits = any(each.unread or each.dropped for each in segments)
        one.more = waits and (not room or bool(chunks))  # a line without an end is not waited for
        self._counts.duplicates += len(segments) if first and self._checkpoint.damaged else 0
        one.lateness.forget(frozenset(each.name for each in segments))
        for each in segments:
            if not each.whole:
                one.lateness.note(each.name, max(each.kept, each.floor), each.seen, now)
        new = any(chunk.segment not in self._safe for chunk in chunks)
        if new and not self.save(now, at_once=True):
            self._pause(now)
            return room
        for chunk in chunks:
            self._send_chunk(key[0], chunk, now)
        return sum(len(chunk.data) for chunk in chunks)

    def _send_chunk(self, source: str, chunk: Chunk, now: float) -> None:
        end = chunk.offset + len(chunk.data)
        self._window.sent(chunk.segment, end, len(chunk.data), now)
        self._send(
            Shipment(
                self._identity.subcluster,
                self._identity.node,
                source,
                chunk.segment,
                chunk.offset,
                chunk.data,
                chunk.dropped,
            )
        )

    def _pause(self, now: float) -> None:
        if self._window.refused(now):
            self.send_again(now)

    def _tell(self, key: Key, facts: Sequence[Told]) -> None:
        for told in facts:
            level = logging.INFO
            if told.fact is Fact.LOST or (told.fact is Fact.COPIED and told.count):
                self._counts.lost_bytes += told.count
                level = logging.WARNING
            elif told.fact is Fact.REWRITTEN:
                self._counts.duplicates += 1
                level = logging.WARNING
            log.log(level, "%s: %s, %s bytes", key[1], told.fact.value, told.count)
            self._changed = True

    def _say(self, sentence: str) -> None:
        """Tell once what is the matter."""
        if sentence and sentence != self._said:
            log.error("%s: %s", self.subscriber.name, sentence)
        self._said = sentence

    # The backlog.

    def _limit(self) -> int:
        return min(WINDOW_BYTES, self.subscriber.backlog_bytes // 2)

    def _backlog(self) -> int:
        return self._window.bytes + sum(one.tail.unread() for one in self._logs.values())

    def _limit_backlog(self, now: float) -> None:
        """Warn, and give up the oldest of whichever log has most."""
        limit, backlog = self.subscriber.backlog_bytes, self._backlog()
        if backlog < WARN_PART * limit:
            self._warned = False
            return
        name = self.subscriber.name
        if not self._warned:
            self._warned = True
            log.warning("%s: %s of %s bytes wait; then they are dropped", name, backlog, limit)
        excess = backlog - int(LEFT_PART * limit) if backlog > limit else 0
        dropped = 0
        while dropped < excess:
            largest = max(self._logs.values(), key=lambda one: one.tail.unread())
            count = largest.tail.drop(min(excess - dropped, largest.tail.unread()))
            largest.more = True
            if not count:
                break
            dropped += count
        if dropped:
            self._counts.dropped_bytes += dropped
            log.error("%s: %s bytes are dropped, the oldest first: see to it", name, dropped)
            self.save(now, at_once=True)


def _names() -> Iterator[str]:
    while True:
        yield uuid.uuid4().hex
