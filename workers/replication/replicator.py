"""Replicates what one node counts: batches out, peers' batches in, holes asked about, state kept.

Everything is decided in `core/tables`; here are the clock, the broker, the disk and the agent's
view of who is alive. Invariant: nothing that a broker, a peer, the disk or a definitions file does
ends this; a broker that is away stops no decision. For one asyncio loop.
"""

import asyncio
import contextlib
import logging
import os
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from workers.bus.codec import Codec
from workers.bus.errors import BusError
from workers.bus.exchanges import (
    MANAGER_ACCOUNT,
    cluster_replication_exchange,
    replication_exchange,
)
from workers.bus.keys import load_keys
from workers.files import locks
from workers.replication.bus_link import Link
from workers.replication.core.cut_off import is_cut_off
from workers.replication.core.definitions import Replication, Scope
from workers.replication.core.limits import Limits
from workers.replication.core.offsets import Offsets
from workers.replication.core.shared import Shared
from workers.replication.core.standing import Standing, is_due, shorter
from workers.replication.core.wire import CLUSTER_NAME, Wire, may_say, speaker
from workers.replication.errors import ReplicationError
from workers.replication.incarnation import next_incarnation
from workers.replication.keeping import Keeper
from workers.replication.timeline import TimeLine

TICK_SECONDS = 0.02
"""At most so much later than `max_delay` a batch is made."""
PAUSE_SECONDS = 0.001
"""Between two batches, for those who wait for an answer."""
LOOK_SECONDS = 0.5
VECTOR_SECONDS = 2.0
KEYS_SECONDS = 10.0
AFAR_SECONDS = 15.0
"""A node of another subcluster that was not heard for so long has nothing open."""
LOCK = "lock"
LOCK_SECONDS = 2.0
BATCHES_MAX = 2_000
"""At the end."""
log = logging.getLogger("muster.replication")


@dataclass(frozen=True, slots=True)
class Site:
    """Who this node is. `directory`: where its counts are kept."""

    cluster: str
    subcluster: str
    node: str
    brokers: tuple[str, ...]
    key_file: Path
    directory: Path


@dataclass(frozen=True, slots=True)
class Membership:
    """What the definitions say: the nodes not in maintenance, and what they replicate."""

    nodes: tuple[str, ...]
    replication: Replication


Alive = Callable[[], Awaitable[Collection[str] | None]]
"""The nodes that the failover deems alive; None: it does not say."""


class Replicator:
    """Of one node; raises `BusError` for its keys or brokers and `OSError` for its directory.

    Raises `ReplicationError` where another process counts for this node.

    `defined`: the newest definitions, None without any; `alive`: asked again and again.
    """

    def __init__(self, site: Site, defined: Callable[[], Membership | None], alive: Alive) -> None:
        self.site, self._defined, self._ask_alive = site, defined, alive
        self.membership = defined() or Membership((site.node,), Replication())
        tables = self.membership.replication.every_table
        site.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = _locked(site.directory)
        self.clock = TimeLine(site.directory)
        incarnation = next_incarnation(site.directory)
        self.shared = Shared(site.node, tables, incarnation=incarnation, now=self.clock())
        self._offsets = Offsets()
        parts = {scope.value: part for scope, part in self.shared.parts.items()}
        self.keeper = Keeper(site.directory, parts, self._offsets, incarnation, self.clock)
        held = self.keeper.begin()
        replication, nodes = self.membership.replication, len(self.membership.nodes)
        life = f"{site.node}.{incarnation:x}"
        self.limits = Limits(replication, self.shared, life, max(1, nodes))
        self.shared.close_all()
        self.limits.leases.load(held, charge=True)
        self.limits.leases.told = self.keeper.lease
        self.keeper.leases = self.limits.leases.dump
        self.alive: frozenset[str] | None = None
        self.cut_off = False
        self.heard_at: dict[str, float] = {}
        self._heard_afar: dict[str, float] = {}
        """The same, where all subclusters speak."""
        self.began_at = self.clock()
        self._lost_at: float | None = self.began_at
        self._keys = load_keys(site.key_file)
        self.links = {scope: self._link(scope) for scope in self.shared.parts}
        self.standing: Callable[[], Standing] | None = None
        """Makes what is told of this node."""
        self._told: Standing | None = None
        self._told_at = self._keys_at = self._vector_at = float("-inf")
        self._over = asyncio.Event()

    async def run(self) -> None:
        """Replicate until `stop`."""
        for link in self.links.values():
            link.open()
        loop = asyncio.get_running_loop()
        others = [loop.create_task(self._follow_alive()), loop.create_task(self._save_at_times())]
        try:
            look_at = loop.time()
            while not self._over.is_set():
                more = self.send()
                for link in self.links.values():
                    link.tick()
                if loop.time() >= look_at:
                    look_at = loop.time() + LOOK_SECONDS
                    self._look()
                    for task in others:
                        if task.done():
                            task.result()  # what ended it ends all: nobody is to go on without
                await asyncio.sleep(PAUSE_SECONDS if more else TICK_SECONDS)
        finally:
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await self._leave()

    async def _leave(self) -> None:
        """Tell peers what they lack, and write down everything."""
        for _ in range(BATCHES_MAX):
            if not self.send(at_once=True):
                break
        for link in self.links.values():
            await link.close()
        await self.keeper.save()
        self.keeper.close()
        os.close(self._lock)

    def stop(self) -> None:
        """End soon; to be called in the loop."""
        self._over.set()

    def send(self, *, at_once: bool = False) -> bool:
        """Tell peers a batch of what is due, or of whatever there is; whether there is more."""
        now, more = self.clock(), False
        for scope, link in self.links.items():
            tables = self.shared.parts[scope]
            due = tables.pending(now)
            if due is not None and link.ready and (due <= now or at_once):
                batch = tables.batch(now)
                if batch is not None:
                    link.say(batch)
                    more = True
        return more

    def report(self, source: str, offset: int, count: Callable[[], None]) -> int:
        """Count what `source` tells up to `offset`, unless it was counted; the offset kept.

        The counts and the offset are kept together, whenever we die.
        """
        kept = self._offsets.kept(source)
        if offset <= kept:
            return kept
        with self.keeper.together():
            count()
            self.keeper.advance(source, offset)
        return offset

    # Hearing.

    def _link(self, scope: Scope) -> Link[Wire]:
        site = self.site
        exchange = replication_exchange(site.cluster, site.subcluster)
        if scope is Scope.CLUSTER:
            exchange = cluster_replication_exchange(site.cluster)
        return Link(
            site.brokers,
            exchange,
            self._codec(scope),
            partial(self._heard, scope),
            partial(self._changed, scope),
            lambda user, message: may_say(user, message, MANAGER_ACCOUNT),
            lambda: self.shared.parts[scope].piece(self.clock()),
        )

    def _codec(self, scope: Scope) -> Codec[Wire]:
        name = CLUSTER_NAME if scope is Scope.CLUSTER else self.site.subcluster
        return Codec(self.site.cluster, name, self._keys, Wire)

    def _heard(self, scope: Scope, message: Wire) -> None:
        now = self.clock()
        if scope is Scope.SUBCLUSTER:
            self.heard_at[speaker(message)] = now
        else:
            self._heard_afar[speaker(message)] = now
        if not isinstance(message, Standing):
            for answer in self.shared.parts[scope].take(message, now):
                self.links[scope].say(answer)

    def _changed(self, scope: Scope, up: bool, sentence: str) -> None:
        log.info("replication (%s): %s: %s", scope, "peers heard" if up else "cut off", sentence)
        if scope is Scope.SUBCLUSTER:
            self._lost_at = None if up else self.clock()
        if up:
            self.links[scope].say(self.shared.parts[scope].vector(self.clock()))

    # Looking around.

    def _look(self) -> None:
        now = self.clock()
        self._follow_definitions()
        self._judge(now)
        self.limits.leases.end(now)
        self._read_keys(now)
        self.keeper.tick()
        for scope, link in self.links.items():
            tables = self.shared.parts[scope]
            tables.tidy(now)
            if now - self._vector_at >= VECTOR_SECONDS:
                link.say(tables.vector(now))
        if now - self._vector_at >= VECTOR_SECONDS:
            self._vector_at = now
        self._tell(now)

    def _follow_definitions(self) -> None:
        found = self._defined()
        if found is not None and found != self.membership:
            self.membership = found
            self.shared.redefine(found.replication.every_table)
            self.limits.redefine(found.replication, max(1, len(found.nodes)))

    def _judge(self, now: float) -> None:
        """Whether we are cut off, and whose gauges count."""
        peers = frozenset(self.membership.nodes) - {self.site.node}
        alive = peers if self.alive is None else peers & self.alive
        cut_off = is_cut_off(peers, alive, self.heard_at, self._lost_at, self.began_at, now)
        if cut_off != self.cut_off:
            self.cut_off = cut_off
            log.warning(
                "replication: %s", "cut off from all peers" if cut_off else "peers are back"
            )
            self.limits.cut_off(cut_off)

    def _read_keys(self, now: float) -> None:
        if now - self._keys_at < KEYS_SECONDS:
            return
        self._keys_at = now
        with contextlib.suppress(BusError):  # half written: the old ones go on
            keys = load_keys(self.site.key_file)
            if keys != self._keys:
                self._keys = keys
                for scope, link in self.links.items():
                    link.codec = self._codec(scope)

    def _tell(self, now: float) -> None:
        """Tell managers how we are, when that is due."""
        if self.standing is None or not self.links[Scope.SUBCLUSTER].ready:
            return
        found: Standing | None = self.standing()
        assert found is not None  # noqa: S101
        if not is_due(self._told, found, now - self._told_at):
            return
        self._told, self._told_at = found, now
        while found is not None and not self.links[Scope.SUBCLUSTER].say(found):
            found = shorter(found)

    async def _follow_alive(self) -> None:
        """Ask the agent who is alive, as often as it answers."""
        while True:
            found = await self._ask_alive()
            if found is not None:
                self.alive = frozenset(found) | {self.site.node}
                self.shared.parts[Scope.SUBCLUSTER].alive(self.alive)
                self.shared.parts[Scope.CLUSTER].alive(self.alive | self._alive_afar())
            await asyncio.sleep(LOOK_SECONDS)

    def _alive_afar(self) -> frozenset[str]:
        """Nodes of other subclusters, of whom our agent knows nothing: those that were heard."""
        since = self.clock() - AFAR_SECONDS
        heard = {name for name, at in self._heard_afar.items() if at >= since}
        return frozenset(heard) - frozenset(self.membership.nodes)

    async def _save_at_times(self) -> None:
        while True:
            if self.keeper.due(asyncio.get_running_loop().time()):
                await self.keeper.save()
            await asyncio.sleep(LOOK_SECONDS)


def _locked(directory: Path) -> int:
    """The lock of a node's counts, which goes with the process that has it."""
    try:
        return locks.take(directory / LOCK, LOCK_SECONDS)
    except locks.TakenError:
        way = "stop it first"
        raise ReplicationError(f"{directory}: another worker of this node counts; {way}") from None
