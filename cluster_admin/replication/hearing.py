"""The ear for what nodes count: a replica of each subcluster's tables, in the listener's process.

A thread with a loop of its own: rooms, tables and the door are its alone, so nothing is locked and
heartbeats of the picture wait for nobody. The database is asked in another thread. Nothing is kept
on the disk: a listener that starts anew asks the nodes, as a node that joins does.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import Error, connections

from cluster_admin.inventory import definitions
from cluster_admin.inventory.models import Node, NodeStatus, Subcluster
from cluster_admin.replication.answers import answer
from cluster_admin.replication.door import Door
from cluster_admin.replication.picture import Picture, Place
from workers.bus.codec import Codec, Refused
from workers.bus.connection import Connection
from workers.bus.errors import BusError
from workers.bus.exchanges import (
    MANAGER_ACCOUNT,
    cluster_replication_exchange,
    replication_exchange,
    replication_room,
)
from workers.replication.core.definitions import Replication, Scope
from workers.replication.core.wire import CLUSTER_NAME, Wire, may_say

LOOK_SECONDS = 2.0
"""How often definitions and verdicts are read."""
TICK_SECONDS = 1.0
WALK_SECONDS = 10.0
"""Between two looks at all keys."""
WALK_PART = 0.1
"""Of the time at most spent with such looks, however many keys there are."""
REOPEN_SECONDS = 5.0
GONE = (NodeStatus.Verdict.DEAD, NodeStatus.Verdict.LEFT)
"""Whose gauges do not count; a node of which nothing is known may well be there."""
Known = dict[str, tuple[Replication, tuple[str, ...], frozenset[str]]]
"""Subcluster -> its replication, its nodes, and all nodes of the cluster that are not gone."""


class Hearer:
    """Runs until it is told to stop. `say` gets one line for each change worth telling."""

    def __init__(
        self,
        cluster: str,
        brokers: Sequence[str],
        keys: Sequence[bytes],
        say: Callable[[str], None],
        socket_path: Path | None = None,
    ) -> None:
        self._cluster, self._brokers, self._keys = cluster, brokers, keys
        self._say = say
        self._path = socket_path or settings.MUSTER_SHARED_SOCKET
        self._anchor = time.time() - time.monotonic()
        self._pictures: dict[str, Picture] = {}
        self._rooms: dict[str, tuple[Connection, Codec[Wire], Scope]] = {}
        self._deaf: dict[str, str] = {}
        """Room -> why it is not heard; empty: it is."""
        self._replications: dict[str, tuple[int, Replication]] = {}
        self._over = threading.Event()
        self._stopping = asyncio.Event()
        self._told: dict[str, str] = {}

    def stop(self) -> None:
        """End at once."""
        self._over.set()
        self._stopping.set()

    async def run(self) -> None:
        """Hear until `stop`."""
        threading.Thread(target=self._hear, name="replication", daemon=True).start()
        await self._stopping.wait()

    def now(self) -> float:
        """Seconds since 1970, by a clock that does not jump."""
        return self._anchor + time.monotonic()

    def _hear(self) -> None:
        while not self._over.is_set():
            try:
                asyncio.run(self._live())
            except Exception as error:  # a mistake of ours ends no thread
                self._tell("", f"this is a mistake of Muster's: {error!r}")
            self._pictures.clear()
            self._rooms.clear()
            self._deaf.clear()
            self._over.wait(REOPEN_SECONDS)

    async def _live(self) -> None:
        loop = asyncio.get_running_loop()
        door = Door(self._path, self._answer)
        opened = await self._open(door)
        walking = loop.create_task(self._walk_at_times())
        look_at = 0.0
        try:
            while not self._over.is_set():
                if loop.time() >= look_at:
                    look_at = loop.time() + LOOK_SECONDS
                    await self._look()
                    opened = opened or await self._open(door)
                for picture in self._pictures.values():
                    picture.tidy(self.now())
                if walking.done():
                    walking.result()
                await asyncio.sleep(TICK_SECONDS)
        finally:
            walking.cancel()
            await door.close()
            for connection, _codec, _scope in self._rooms.values():
                await connection.close()

    async def _open(self, door: Door) -> bool:
        try:
            await door.open()
        except OSError as error:
            self._tell("door", f"what nodes count cannot be asked for at {self._path}: {error}")
            return False
        return True

    async def _answer(self, question: dict[str, Any]) -> dict[str, Any]:
        return await answer(self._pictures, question, self.now())

    # Whom to hear, and who lives.

    async def _look(self) -> None:
        try:
            known = await asyncio.get_running_loop().run_in_executor(None, self._read)
        except Error as error:
            self._tell("database", f"the database does not say what is defined: {error}".strip())
            return
        self._told.pop("database", None)
        for name in self._pictures.keys() - known.keys():
            del self._pictures[name]
        for name, (replication, nodes, alive) in known.items():
            if name not in self._pictures:
                self._pictures[name] = Picture(name, time.time_ns() // 1_000_000, self.now())
            self._pictures[name].redefine(replication, nodes, alive)
        await self._hear_rooms(set(known))

    def _read(self) -> Known:
        """In a thread that may wait for the database."""
        try:
            found: Known = {}
            nodes: dict[str, list[str]] = {}
            every = Node.objects.order_by("name").values_list("name", "subcluster__name")
            for name, place in every:
                nodes.setdefault(place, []).append(name)
            gone = NodeStatus.objects.filter(verdict__in=GONE)
            every_alive = frozenset(name for each in nodes.values() for name in each)
            every_alive -= frozenset(gone.values_list("node__name", flat=True))
            for home in Subcluster.objects.all():
                here = tuple(nodes.get(home.name, ()))
                found[home.name] = (self._replication(home), here, every_alive)
            return found
        finally:
            connections.close_all()

    def _replication(self, home: Subcluster) -> Replication:
        """Read again only when there is a new revision."""
        kept = self._replications.get(home.name)
        if kept is None or kept[0] != home.revision:
            kept = (home.revision, definitions.build(home).replication)
            self._replications[home.name] = kept
        return kept[1]

    async def _hear_rooms(self, subclusters: set[str]) -> None:
        wanted = {
            replication_exchange(self._cluster, name): (name, Scope.SUBCLUSTER)
            for name in subclusters
        }
        wanted[cluster_replication_exchange(self._cluster)] = ("", Scope.CLUSTER)
        for exchange in self._rooms.keys() - wanted.keys():
            self._deaf.pop(exchange, None)
            await self._rooms.pop(exchange)[0].close()
        for exchange, (name, scope) in wanted.items():
            if exchange not in self._rooms:
                self._enter(exchange, name, scope)

    def _enter(self, exchange: str, subcluster: str, scope: Scope) -> None:
        codec: Codec[Wire] = Codec(self._cluster, subcluster or CLUSTER_NAME, self._keys, Wire)
        try:
            connection = Connection(
                self._brokers,
                replication_room(exchange),
                partial(self._heard, exchange, subcluster),
                partial(self._changed, exchange),
            )
        except BusError as error:
            self._tell(exchange, str(error))
            return
        self._rooms[exchange] = (connection, codec, scope)
        connection.open()

    def _changed(self, exchange: str, up: bool, sentence: str) -> None:
        """Tell one sentence for all rooms, once each of them has said how it is."""
        self._deaf[exchange] = "" if up else sentence
        if self._rooms.keys() <= self._deaf.keys():
            deaf = next((self._deaf[name] for name in self._rooms if self._deaf[name]), "")
            place = self._rooms[exchange][0].broker if exchange in self._rooms else ""
            self._tell("rooms", f"not heard: {deaf}" if deaf else f"heard at {place}")

    def _heard(self, exchange: str, subcluster: str, body: bytes, user: str) -> None:
        """A message; those of the cluster's tables go to every picture."""
        if user == MANAGER_ACCOUNT:
            return  # another manager asks
        connection, codec, scope = self._rooms[exchange]
        try:
            message = codec.decode(body)
        except Refused:
            return
        if not may_say(user, message, MANAGER_ACCOUNT):
            return
        for name in [subcluster] if subcluster else list(self._pictures):
            picture = self._pictures.get(name)
            if picture is not None and (subcluster or picture.shares(scope)):
                for ask in picture.take(scope, message, self.now()):
                    connection.publish(codec.encode(ask))

    # Looking at all keys.

    async def _walk_at_times(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            for picture in list(self._pictures.values()):
                for place in picture.places():
                    await self._walk(picture, place)
            spent = loop.time() - began
            await asyncio.sleep(max(WALK_SECONDS - spent, spent / WALK_PART, TICK_SECONDS))

    async def _walk(self, picture: Picture, place: Place) -> None:
        walk = picture.new_walk(place)
        try:
            for rows in picture.chunks(place, self.now()):
                walk.take(rows)
                await asyncio.sleep(0)
        except KeyError:
            return  # it was defined otherwise meanwhile
        picture.walked(place, walk, self.now())

    def _tell(self, about: str, sentence: str) -> None:
        if self._told.get(about) != sentence:
            self._told[about] = sentence
            self._say(f"counts: {sentence}"[:300])
