"""What happens, as it happens, to any number of live streams: one poller per process asks for all.

`pulses` first reads what came after `after`, then follows. Invariant: a stream gets every event
that its filters let through once, in the order of ids; one that is slow reads the database again.
Listeners store in turn, so no event becomes visible below an id that was seen. `sse` writes them.
"""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from django.db import connections
from django.db.models import Max, QuerySet, Sum
from django.utils import timezone

from cluster_admin.events.freshness import Freshness, freshness
from cluster_admin.events.models import Event
from cluster_admin.events.moves import way
from cluster_admin.inventory.models import NodeStatus, Subcluster
from cluster_admin.vips.models import VipStatus

POLL_SECONDS = 0.1
HEARTBEAT_SECONDS = 5.0
BROKEN_SECONDS = 1.0
"""Between tries while the database does not answer."""
FIELDS = tuple(one.name for one in Event._meta.concrete_fields)
FILTERED = ("subcluster", "node", "vip", "kind", "actor")
"""What a stream can be asked for by an exact word."""
log = logging.getLogger("muster.feed")
marks: list[Callable[[], str]] = []
"""What apps above this one show of their own: each asks the database for a text that changes with
it. Registered once, when Django starts; asked as often as the database is."""
Story = dict[str, Any]
"""An event as JSON has it."""
Result = TypeVar("Result")


class TooManyStreams(Exception):
    """This process serves as many streams as it may."""

    def __init__(self, number: int) -> None:
        super().__init__(f"{number} streams are open, no more are served; close some")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one process does for streams; those of its first stream are everybody's."""

    kept_events: int = 5_000
    """Newest events in memory; a stream that is further behind reads the database."""
    page_events: int = 500
    streams: int = 500
    """One more is refused."""


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Filters:
    """Which events a stream wants; an empty value lets everything through."""

    subcluster: str = ""
    node: str = ""
    """Who tells."""
    vip: str = ""
    kind: str = ""
    actor: str = ""
    readable: frozenset[str] | None = None
    """Subclusters that the reader may read; None: every one."""

    def let(self, story: Story) -> bool:
        """Whether an event passes."""
        if self.readable is not None and story["subcluster"] not in self.readable:
            return False
        return all(story[name] == value for name, value in self._equal().items())

    def rows(self) -> QuerySet[Event]:
        """The rows that pass, the newest first."""
        rows = Event.objects.filter(**self._equal())
        if self.readable is not None:
            rows = rows.filter(subcluster__in=self.readable)
        return rows

    def _equal(self) -> dict[str, str]:
        return {name: getattr(self, name) for name in FILTERED if getattr(self, name)}


EVERYTHING = Filters()


@dataclass(frozen=True, slots=True)
class Pulse:
    """What a stream is told at once."""

    events: list[Story]
    newest_id: int
    """Everything up to here was told."""
    mark: str
    """Changes when anything does that pages show: events, states, definitions."""
    fresh: Freshness


@dataclass(frozen=True, slots=True)
class _Look:
    """What one look at the database found."""

    newest_id: int
    stories: list[Story]
    """Those since the look before."""
    mark: str
    fresh: Freshness


@dataclass(slots=True)
class _Poller:
    """Asks for all streams of one event loop; works only while there are any."""

    worker: ThreadPoolExecutor
    """One thread, so one connection."""
    limits: Limits
    streams: int = 0
    last: _Look | None = None
    kept: deque[Story] = field(default_factory=deque)
    kept_after: int = 0
    """`kept` has every event with a higher id."""
    turn: asyncio.Event = field(default_factory=asyncio.Event)
    """Set, and replaced, when something changed."""
    task: "asyncio.Task[None] | None" = None

    async def run(self) -> None:
        """Look every `POLL_SECONDS`, until cancelled."""
        while True:
            began = time.monotonic()
            try:
                look = await self.ask(lambda: _look(self.last, self.limits.kept_events))
            except Exception as error:
                log.warning("the database does not answer, live pages wait: %s", error)
                await self.ask(connections.close_all)
                await asyncio.sleep(BROKEN_SECONDS)
                continue
            self._learn(look)
            await asyncio.sleep(max(0.0, POLL_SECONDS - (time.monotonic() - began)))

    async def ask(self, question: Callable[[], Result]) -> Result:
        """Ask the database, in the poller's own thread."""
        return await asyncio.get_running_loop().run_in_executor(self.worker, question)

    def leave(self) -> None:
        """Nobody follows any more."""
        if self.task is not None:
            self.task.cancel()
        self.worker.submit(connections.close_all)
        self.worker.shutdown(wait=False)

    def _learn(self, look: _Look) -> None:
        before, self.last = self.last, look
        if before is None or (look.newest_id != before.newest_id and not look.stories):
            self.kept.clear()
            self.kept_after = look.newest_id
        self.kept.extend(look.stories)
        while len(self.kept) > self.limits.kept_events:
            self.kept_after = self.kept.popleft()["id"]
        if before is None or before.mark != look.mark:
            self.turn.set()
            self.turn = asyncio.Event()

    async def between(self, told: int, upto: int, filters: Filters) -> tuple[list[Story], int]:
        """Events after `told`, a page full at most, and the id through which they are complete."""
        if told >= upto:
            return [], upto
        if told >= self.kept_after:
            newer = takewhile(lambda story: story["id"] > told, reversed(self.kept))
            passed = [story for story in newer if story["id"] <= upto and filters.let(story)]
            return passed[::-1], upto
        size = self.limits.page_events
        page = filters.rows().filter(id__gt=told, id__lte=upto).order_by("id")[:size]
        stories = await self.ask(lambda: _stories(page))
        return stories, stories[-1]["id"] if len(stories) == size else upto


_pollers: "WeakKeyDictionary[asyncio.AbstractEventLoop, _Poller]" = WeakKeyDictionary()


async def pulses(
    after: int | None = None,
    filters: Filters = EVERYTHING,
    heartbeat_seconds: float = HEARTBEAT_SECONDS,
    limits: Limits = LIMITS,
) -> AsyncGenerator[Pulse]:
    """Follow what happens after event `after` (None: from now on); raises `TooManyStreams`.

    A pulse comes at once, with every change of `mark`, and after `heartbeat_seconds` of quiet.
    """
    with _joined(limits) as poller:
        while poller.last is None:
            await poller.turn.wait()
        told = poller.last.newest_id if after is None else max(0, after)
        while True:
            turn, look = poller.turn, poller.last
            told = min(told, look.newest_id)  # a database that was made anew counts from 1
            while True:
                stories, told = await poller.between(told, look.newest_id, filters)
                if stories or told == look.newest_id:
                    yield Pulse(stories, told, look.mark, look.fresh.at(timezone.now()))
                if told == look.newest_id:
                    break
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(turn.wait(), heartbeat_seconds)


@contextlib.contextmanager
def _joined(limits: Limits) -> Iterator[_Poller]:
    """The loop's poller, which runs while somebody has joined."""
    loop = asyncio.get_running_loop()
    poller = _pollers.get(loop)
    if poller is None:
        worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="feed")
        poller = _pollers[loop] = _Poller(worker, limits)
        poller.task = loop.create_task(poller.run())
    if poller.streams >= poller.limits.streams:
        raise TooManyStreams(poller.limits.streams)
    poller.streams += 1
    try:
        yield poller
    finally:
        poller.streams -= 1
        if not poller.streams:
            del _pollers[loop]
            poller.leave()


def _look(last: _Look | None, kept_events: int) -> _Look:
    newest = Event.objects.aggregate(newest=Max("id"))["newest"] or 0
    fresh = freshness()
    stories: list[Story] = []
    if last is not None and 0 < newest - last.newest_id <= kept_events:
        since = Event.objects.filter(id__gt=last.newest_id, id__lte=newest)
        stories = _stories(since.order_by("id"))
    return _Look(newest, stories, f"{newest}.{_states()}.{int(fresh.stale)}", fresh)


def _states() -> str:
    """Changes whenever a state or a revision does; ages do not count."""
    nodes = NodeStatus.objects.aggregate(Max("changed_at"), Sum("revision"), Sum("known_revision"))
    vips = VipStatus.objects.aggregate(newest=Max("seen_at"))["newest"]
    defined = Subcluster.objects.aggregate(Sum("revision"), Max("id"))
    moments = [nodes.pop("changed_at__max"), vips]
    stamps = [int(one.timestamp() * 1000) if one else 0 for one in moments]
    ours = (str(one or 0) for one in [*stamps, *nodes.values(), *defined.values()])
    return "-".join([*ours, *(ask() for ask in marks)])


def _stories(rows: QuerySet[Event]) -> list[Story]:
    return [story(values) for values in rows.values(*FIELDS)]


def story(values: dict[str, Any]) -> Story:
    """An event's row as JSON has it: times as ISO 8601 with milliseconds; from where to where."""
    times = ("time", "received_at")
    shown = {name: values[name].isoformat(timespec="milliseconds") for name in times}
    return values | shown | way(values["kind"], values["node"], values["peer"]).named
