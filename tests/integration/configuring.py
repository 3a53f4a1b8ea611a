"""A manager's side of configuration for tests: a repository, the orders it makes, what it hears."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pika
from msgspec.structs import replace

from tests.integration.brokers import CLUSTER, SUBCLUSTER
from tests.integration.node_parts import KEY, PATIENCE_SECONDS, text
from tests.unit.repository.stage import commit
from workers.bus.codec import Codec
from workers.bus.exchanges import config_exchange
from workers.config.core.messages import Applied, Edited, Message, Order, Past, Standing
from workers.config.core.reports import Outcome
from workers.repository.history import Revision
from workers.repository.repository import Repository

M = TypeVar("M", Standing, Applied, Edited, Past)
DEFINITIONS = f"{SUBCLUSTER}/definitions.toml"


class Manager:
    """Commits to a repository, and makes orders of it."""

    def __init__(self, directory: Path) -> None:
        self.repository = Repository.create(directory)

    def commit(self, **files: str | bytes | None) -> Revision:
        """Commit files of every node, by name (`main_cf` is main.cf), and the definitions first."""
        changes: dict[str, Any] = {
            f"global/{name.replace('_', '.')}": value.encode() if isinstance(value, str) else value
            for name, value in files.items()
        }
        if self.repository.head() is None:
            changes[DEFINITIONS] = text(1).encode()
        return commit(self.repository, changes)

    def order(self, since: Revision | None = None, **values: Any) -> Order:
        """The newest revision, live, with a pack since `since`; `values` override."""
        head = self.repository.head()
        assert head is not None
        pack = self.repository.pack_since(since.hash if since else None)
        found: dict[str, Any] = {
            "subcluster": SUBCLUSTER,
            "head": head.number,
            "commit": head.hash,
            "target": head.number,
            "since": since.hash if since else "",
            "pack": pack,
            "size": len(pack),
        }
        return Order(**{**found, **values})


@dataclass
class Heard:
    """What nodes told, in the order in which it came."""

    messages: list[Message] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def say(self, message: Message) -> None:
        """Hear one."""
        with self.changed:
            self.messages.append(message)
            self.changed.notify_all()

    def of(self, kind: type[M]) -> list[M]:
        """All of one kind."""
        with self.changed:
            return [one for one in self.messages if isinstance(one, kind)]

    def wait(self, kind: type[M], good: Callable[[M], object] = bool, after: int = 0) -> M:
        """The first of a kind that is good, from the message numbered `after` on."""

        def found() -> M | None:
            fresh = (one for one in self.messages[after:] if isinstance(one, kind))
            return next((one for one in fresh if good(one)), None)

        with self.changed:
            one = self.changed.wait_for(found, PATIENCE_SECONDS)
            assert one, f"not told within {PATIENCE_SECONDS:g} s: {self.messages[-5:]}"
            return one

    def applied(self, revision: int, outcome: Outcome = Outcome.APPLIED) -> Applied:
        """Wait for what came of a revision."""
        return self.wait(
            Applied, lambda m: (m.report.revision, m.report.outcome) == (revision, outcome)
        )

    def at_rest(self, live: int) -> Standing:
        """Wait until the node says that a revision is live and nothing is under way."""
        return self.wait(Standing, lambda m: m.live == live and not m.busy)


@contextlib.contextmanager
def ears(url: str, users: set[str], kept: bool = False) -> Iterator[Heard]:
    """Hear what nodes tell over a broker, as managers do; `users` collects who was vouched for.

    `kept`: what is told while nobody hears waits at the broker, as it does for managers.
    """
    heard, over = Heard(), threading.Event()
    codec: Codec[Message] = Codec(CLUSTER, SUBCLUSTER, [bytes.fromhex(KEY)], Message)
    room = config_exchange(CLUSTER, SUBCLUSTER)
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.exchange_declare(room, "fanout", durable=True)
    name, flags = (room, {"durable": True}) if kept else ("", {"exclusive": True})
    queue = channel.queue_declare(name, **flags).method.queue
    channel.queue_bind(queue, room)

    def hear(_channel: Any, _method: Any, properties: Any, body: bytes) -> None:
        users.add(properties.user_id)
        heard.say(codec.decode(body))

    def listen() -> None:
        channel.basic_consume(queue, hear, auto_ack=True)
        while not over.is_set():
            connection.process_data_events(0.05)
        connection.close()

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    try:
        yield heard
    finally:
        over.set()
        thread.join(PATIENCE_SECONDS)


def parts(order: Order, size: int) -> list[Order]:
    """An order as several, each with so many bytes of the pack."""
    places = range(0, order.size, size)
    return [replace(order, pack=order.pack[at : at + size], offset=at) for at in places]


def live(directory: Path) -> dict[str, bytes]:
    """Every file that is live, read by this module's own means."""
    top = directory / "current"
    return {
        str(path.relative_to(top)): path.read_bytes() for path in top.rglob("*") if path.is_file()
    }
