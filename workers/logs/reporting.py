"""Reports what a node's mail logs say to the node's own limits: counts of addresses and domains.

The logs are followed as for a subscriber, by `Shipping`, with a window and a checkpoint of their
own; so shipping is never held up, and a limit server that is away or slow only lets this wait.
Invariant: a line counts once, whoever dies when: a stretch of a log has the name of its segment,
and how much of that the server has is asked before anything is told, and after every trouble.
"""

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from workers.files import durable, locks
from workers.logs.core.definitions import Source, Subscriber
from workers.logs.core.messages import Kept, Shipment
from workers.logs.limits_door import DoorError, LimitsDoor, RefusedError, Report
from workers.logs.scanning import zone_seconds
from workers.logs.shipping import Identity, Shipping
from workers.maillog.core.moments import Moments
from workers.maillog.core.reports import events_of, pieces

NAME = "limits"
BACKLOG_BYTES = 64 << 20
"""What waits for a server that is away; past it the oldest is given up, and told in the log."""
TICK_SECONDS = 0.2
PAUSE_SECONDS, PAUSE_MAX_SECONDS = 0.5, 8.0
SOURCES_SECONDS = 1.0
LOCK_SECONDS = 2.0
SEGMENTS_MAX = 1_000
"""Whose position is remembered; of others it is asked again."""
FAILED_SECONDS = 8.0
DIRECTORY = "reporting"
log = logging.getLogger("muster.logs")


class Reporter:
    """Of one node; `run` it in a thread. `sources()`: its mail logs now; `state`: a directory."""

    def __init__(
        self,
        identity: Identity,
        sources: Callable[[], Sequence[Source]],
        door: LimitsDoor,
        state: Path,
    ) -> None:
        self._identity = identity
        self._sources = sources
        self._door = door
        self._state = state
        self._queue: deque[Shipment] = deque()
        self._taken: dict[str, int] = {}
        """Up to where the server has each segment, as long as nothing went wrong."""
        self._ended = threading.Event()
        self._followed: tuple[Source, ...] | None = None
        self._follow_after = self._ready_after = 0.0
        self._pause = PAUSE_SECONDS
        self._said = ""

    def serve(self) -> None:
        """Report until `stop`, whatever happens: the thread ends with the process alone."""
        while not self._ended.is_set():
            try:
                self.run()
            except (OSError, locks.TakenError) as error:
                log.error("mail does not count for limits: %s; it is tried again", error or "taken")
            except Exception:
                log.exception("mail does not count for limits; it is tried again")
            self._ended.wait(FAILED_SECONDS)

    def run(self) -> None:
        """Report until `stop`; raises `OSError` or `TakenError` when it cannot begin."""
        self._queue.clear()
        self._taken.clear()
        self._followed = None
        durable.make_directory(self._state)
        lock = locks.take(self._state / "lock", LOCK_SECONDS)
        subscriber = Subscriber(NAME, BACKLOG_BYTES)
        now = time.monotonic()
        shipping = Shipping(self._identity, subscriber, self._state, self._queue.append, now)
        try:
            while not self._ended.is_set():
                more = self._turn(shipping)
                self._ended.wait(0 if more else TICK_SECONDS)
            shipping.save(time.monotonic(), at_once=True)
        finally:
            shipping.close()
            self._door.close()
            os.close(lock)

    def stop(self) -> None:
        """End `run` soon; from any thread."""
        self._ended.set()

    def _turn(self, shipping: Shipping) -> bool:
        """Look at the logs and report what is new; whether there is more."""
        now = time.monotonic()
        if now >= self._follow_after:
            self._follow_after = now + SOURCES_SECONDS
            self._follow(shipping)
        ready = now >= self._ready_after
        shipping.connected(taking=ready)
        more = shipping.round(now, time.time(), ready=ready)
        while self._queue and not self._ended.is_set():
            if not self._reported(self._queue.popleft(), shipping):
                more = False
        return more

    def _follow(self, shipping: Shipping) -> None:
        """Nothing is followed on a node that never had a server of limits."""
        if self._followed is None and not self._door.there:
            return
        sources = tuple(self._sources())
        if sources != self._followed:
            self._followed = sources
            shipping.follow(sources, shipping.subscriber)

    def _reported(self, shipment: Shipment, shipping: Shipping) -> bool:
        """Report one stretch of a log; False: nobody takes it now."""
        position, end = shipment.offset, shipment.offset + len(shipment.data)
        while position < end:
            piece = next(pieces(shipment.data[position - shipment.offset :]))
            try:
                position = self._report(shipment, piece, position)
            except DoorError as error:
                self._wait(shipping, str(error))
                return False
        shipping.heard(self._kept(shipment.segment, end), time.monotonic())
        return True

    def _report(self, shipment: Shipment, piece: bytes, start: int) -> int:
        """Report a piece that begins at `start`; where to go on. The server may have it already."""
        source, end = shipment.segment, start + len(piece)
        found = events_of(piece, Moments(zone_seconds()), time.time())
        if found.timeless:
            sentence = "%s: %d lines say a time that cannot be; they count for no limit"
            log.warning(sentence, shipment.log, found.timeless)
        if not found.events:
            return end
        try:
            if source not in self._taken:
                self._taken[source] = self._door.position(source)
            if self._taken[source] > start:
                return self._taken[source]
            if self._door.report(Report(source, end, found.events)) != end:
                raise DoorError(f"the server has another position of {source}")
        except RefusedError as error:
            log.error("%d events are not counted: %s", len(found.events), error)
        self._taken[source] = end
        if len(self._taken) > SEGMENTS_MAX:
            del self._taken[next(iter(self._taken))]
        self._well()
        return end

    def _kept(self, segment: str, position: int) -> Kept:
        positions = ((segment, position),)
        return Kept(NAME, self._identity.subcluster, self._identity.node, positions)

    def _wait(self, shipping: Shipping, why: str) -> None:
        """Begin again with what is not kept, after a while."""
        now = time.monotonic()
        self._queue.clear()
        self._taken.clear()
        shipping.lost(now)
        self._ready_after = now + self._pause
        self._pause = min(PAUSE_MAX_SECONDS, 2 * self._pause)
        if not self._said:
            log.warning("mail does not count for limits: %s; it is tried again", why)
        self._said = why

    def _well(self) -> None:
        self._pause = PAUSE_SECONDS
        if self._said:
            log.warning("mail counts for limits again")
        self._said = ""
