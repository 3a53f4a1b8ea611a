"""Nodes that count, and the listener's door, without a bus: for tests of pages, API and metrics."""

import asyncio
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cluster_admin.inventory import definitions
from cluster_admin.inventory.models import Node, Subcluster
from cluster_admin.replication.answers import answer
from cluster_admin.replication.door import Door
from cluster_admin.replication.picture import Picture
from workers.replication.core.definitions import Replication, Scope
from workers.replication.core.messages import decoded, encoded
from workers.replication.core.shared import Shared
from workers.replication.core.standing import Refused, Standing, TableStanding


class Counting:
    """Of one subcluster, as its rows are when it is made, unless told; all happens at `now`."""

    def __init__(
        self,
        subcluster: str = "default",
        replication: Replication | None = None,
        names: Sequence[str] = (),
    ) -> None:
        if replication is None:
            home = Subcluster.objects.get(name=subcluster)
            replication = definitions.build(home).replication
            names = Node.objects.filter(subcluster=home).values_list("name", flat=True)
        self.names = tuple(names)
        self.now = time.time()
        tables = replication.every_table
        self.nodes = {
            name: Shared(name, tables, incarnation=5, now=self.now) for name in self.names
        }
        self.picture = Picture(subcluster, 1, self.now)
        self.picture.redefine(replication, self.names, self.names)
        self._refusals: list[Refused] = []

    def window(self, node: str, table: str, key: str, count: int, span: float = 60.0) -> None:
        """A node counts."""
        self.nodes[node].window(table, key, span).add(count, self.now)

    def gauge(self, node: str, table: str, key: str, count: int) -> None:
        """Something is opened on a node."""
        self.nodes[node].gauge(table, key).add(count)

    def put(self, node: str, table: str, key: str, value: bytes) -> None:
        """A node sets a value of a cache."""
        self.nodes[node].part(table).put(table, key, value, self.now, 600.0)

    def refuse(self, node: str, limit: str, key: str, value: int = 100, **more: Any) -> None:
        """A node refuses somebody, and tells all that it refused."""
        number = len(self._refusals)
        told = {"most": 100, "action": "defer", "test": False, **more}
        self._refusals.append(Refused(number, self.now, limit, key, value, **told))
        standing = Standing(
            *(node, self.now, 5.0, "127.0.0.1:5672", False),
            requests=1_000,
            refused=len(self._refusals),
            tables=(TableStanding("connections-inbound", "connections-inbound", 2, 3),),
            by_limit=((limit, len(self._refusals)),),
            refusals=tuple(self._refusals),
        )
        self.picture.take(Scope.SUBCLUSTER, standing, self.now)

    def tell(self) -> None:
        """The manager hears all of it, and looks at all keys."""
        for node in self.nodes.values():
            for scope, part in node.parts.items():
                while (batch := part.batch(self.now)) is not None:
                    self.picture.take(scope, decoded(encoded(batch)), self.now)
                    if not batch.sections and not batch.values:
                        break
        for place in self.picture.places():
            walk = self.picture.new_walk(place)
            for rows in self.picture.chunks(place, self.now):
                walk.take(rows)
            self.picture.walked(place, walk, self.now)


@contextmanager
def answering(path: Path, *counting: Counting) -> Iterator[None]:
    """The listener's door, for as long as the block lasts."""
    pictures = {one.picture.subcluster: one.picture for one in counting}
    opened, over = threading.Event(), threading.Event()

    async def live() -> None:
        async def told(question: dict[str, Any]) -> dict[str, Any]:
            return await answer(pictures, question, time.time())

        door = Door(path, told)
        await door.open()
        opened.set()
        while not over.is_set():
            await asyncio.sleep(0.02)
        await door.close()

    thread = threading.Thread(target=lambda: asyncio.run(live()), daemon=True)
    thread.start()
    assert opened.wait(10)
    try:
        yield
    finally:
        over.set()
        thread.join(10)
