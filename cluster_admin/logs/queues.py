"""Subscribers' queues at the broker: what waits there, whether somebody takes it, and their end."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings
from pika.adapters.blocking_connection import BlockingConnection
from pika.exceptions import AMQPError, ChannelClosedByBroker

from cluster_admin.inventory.services import Refused
from workers.bus.connection import broker_parameters
from workers.bus.errors import BusError
from workers.bus.exchanges import logs_queue

NOT_FOUND = 404
PATIENCE_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue as it was seen. `messages`: those that nobody holds unacknowledged."""

    name: str
    messages: int
    consumers: int


class Queues:
    """The broker, while `opened` has it open."""

    def __init__(self, connection: BlockingConnection) -> None:
        self._connection = connection

    def find(self, subscriber: str) -> Queue | None:
        """The queue of a subscriber; None when there is none."""
        name = logs_queue(settings.MUSTER_CLUSTER, subscriber)
        channel = self._connection.channel()
        try:
            told = channel.queue_declare(name, passive=True).method
        except ChannelClosedByBroker as error:
            if error.reply_code == NOT_FOUND:
                return None
            raise
        channel.close()
        return Queue(name, told.message_count, told.consumer_count)

    def delete(self, queue: Queue) -> None:
        """Delete it with what waits in it; one that is gone already is gone."""
        channel = self._connection.channel()
        channel.queue_delete(queue.name)
        channel.close()


@contextmanager
def opened() -> Iterator[Queues]:
    """A way to the first broker that answers; `Refused` for what it says no to, or if none does."""
    if not settings.MUSTER_BROKERS:
        raise Refused("this manager has no broker: set MUSTER_BROKER_URL")
    try:
        each = [broker_parameters(address) for address in settings.MUSTER_BROKERS]
        for one in each:
            one.socket_timeout = one.stack_timeout = PATIENCE_SECONDS
            one.blocked_connection_timeout = PATIENCE_SECONDS
        with BlockingConnection(each) as connection:
            yield Queues(connection)
    except (AMQPError, BusError, OSError) as error:
        told = str(error) or type(error).__name__
        way = "repeat it when the broker is well; what is done already stays done"
        raise Refused(f"the broker does not do it: {told}; {way}") from error
