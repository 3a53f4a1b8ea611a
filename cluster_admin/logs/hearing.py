"""The ear for logs: how nodes ship theirs is heard and kept.

In each subcluster there is a queue that dies with its connection: nothing is kept for a listener
that is away, since every node tells it again within half a minute.
"""

from collections.abc import Collection, Sequence

from pika.adapters.blocking_connection import BlockingChannel

from cluster_admin.events.ledger import Arrival
from cluster_admin.events.moments import Moment
from cluster_admin.logs.shipping import Desk
from workers.bus.exchanges import LOGS_STANDING_KEY, logs_exchange

QUEUE_ARGUMENTS: dict[str, int | str] = {
    "x-max-length": 1_000,
    "x-overflow": "drop-head",
    "x-message-ttl": 60_000,
}


class LogsTaker:
    """See `events.hearing`."""

    name = "logs"

    def __init__(self, cluster: str, keys: Sequence[bytes]) -> None:
        self._cluster = cluster
        self._desk = Desk(cluster, keys)

    def take(self, arrivals: Sequence[Arrival], now: Moment) -> Collection[str]:
        """Keep how logs are."""
        self._desk.work(arrivals, now)
        return self._desk.subclusters()

    def enter(self, channel: BlockingChannel, subcluster: str) -> str:
        """Hear what is told in a subcluster, also before it has a collector."""
        exchange = logs_exchange(self._cluster, subcluster)
        channel.exchange_declare(exchange, "direct", durable=True)
        queue = channel.queue_declare("", exclusive=True, arguments=QUEUE_ARGUMENTS).method.queue
        channel.queue_bind(queue, exchange, LOGS_STANDING_KEY)
        return str(queue)
