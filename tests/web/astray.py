"""Nodes on histories of their own, with real repositories, and the bus between by hand."""

from pathlib import Path
from typing import Any

import msgspec

from cluster_admin.configs import sending
from cluster_admin.configs.orders import Asked
from cluster_admin.configs.store import repository
from tests.unit.repository.stage import commit
from tests.web.test_config_hearing import RUN, Bus
from workers.config.core.messages import Message, Order, Past, Standing
from workers.config.own_history import OwnHistory
from workers.config.replica import Replica as NodeReplica
from workers.repository.history import Revision

Files = dict[str, Any]


class StrayNode:
    """One node: it takes orders into a replica, applies nothing, and tells how it stands."""

    def __init__(self, directory: Path, bus: Bus, name: str = "mta1") -> None:
        self.name = name
        self.bus = bus
        self.replica = NodeReplica(directory / f"{name}.git")
        self.replica.open()
        self.orders: list[Order] = []
        self._history = OwnHistory()

    @property
    def head(self) -> Revision:
        """Its newest revision."""
        found = self.replica.repository.head()
        assert found is not None
        return found

    def follow(self) -> None:
        """Have what the manager has now."""
        store, before = repository(), self.replica.repository.head()
        since = before.hash if before else None
        newest = store.head()
        assert newest is not None
        self.replica.repository.receive(store.pack_since(since), since, newest.hash)
        self.replica.open()

    def go_on(self, **files: bytes) -> Revision:
        """Commit on its own, as another manager had it do."""
        changes: Files = {f"global/{name}": content for name, content in files.items()}
        made = commit(self.replica.repository, changes)
        self.replica.open()
        return made

    def told(self, **values: Any) -> Message:
        """How it stands."""
        number, commit_now = self.replica.newest
        wants, offset = self.replica.wants(self.orders[-1] if self.orders else None)
        self.bus.sequence += 1
        usual: dict[str, Any] = {
            **{"node": self.name, "started_at": RUN, "sequence": self.bus.sequence},
            **{"number": number, "commit": commit_now, "live": 1, "live_hash": "ab"},
            **{"target": self.orders[-1].target if self.orders else 0, "histories": True},
            **{"wants": wants, "offset": offset},
        }
        return Standing(**usual | values)

    def tell(self, after: float = 0.01) -> dict[str, Asked]:
        """Tell it, and what the listener asks for then."""
        return self.bus.work(self.told(), user=self.name, after=after).asked

    def take(self, order: Order) -> list[Message]:
        """Take an order in; what is told then."""
        self.orders.append(order)
        if order.ask is None:
            self.replica.take(order, self.bus.seconds)
            return [self.told()]
        found: list[Message] = []
        for one in self._history.pieces(self.replica.repository, order.ask):
            self.bus.sequence += 1
            found.append(
                Past(
                    node=self.name,
                    started_at=RUN,
                    sequence=self.bus.sequence,
                    since=one.since,
                    commit=one.commit,
                    pack=one.pack,
                    offset=one.offset,
                    size=one.size,
                )
            )
        return found


class Wire:
    """What is sent to nodes, and theirs answers: until nobody has anything to say."""

    def __init__(self, bus: Bus, *nodes: StrayNode) -> None:
        self.bus = bus
        self.nodes = {node.name: node for node in nodes}
        self.sent: list[tuple[str, Order]] = []

    def post(self, _post: Any, node: str, _task: str, words: list[Any], *_: Any) -> None:
        """In place of the broker."""
        self.sent.append((node, msgspec.convert(words[0], Order)))

    def settle(self, turns: int = 40) -> None:
        """Let time pass, in seconds, and everybody answer."""
        for _ in range(turns):
            for node in self.nodes.values():
                self.deliver(self.bus.work(node.told(), user=node.name, after=0.5).asked)

    def deliver(self, asked: dict[str, Asked]) -> None:
        """Send what is asked for, and take the answers in."""
        while asked:
            self.sent.clear()
            sending.send(asked)
            asked = {}
            for name, order in tuple(self.sent):
                if name in self.nodes:
                    answers = self.nodes[name].take(order)
                    asked |= self.bus.work(*answers, user=name).asked
