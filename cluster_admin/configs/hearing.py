"""The config ear: how nodes stand is heard and kept, and whoever lags is told again.

What nodes tell waits in a queue of each subcluster until it is in the database, so that a listener
that was killed goes on where it was; what is told twice counts once. Invariant: nothing waits
without bound at the broker.
"""

from collections.abc import Callable, Collection, Sequence

from pika.adapters.blocking_connection import BlockingChannel

from cluster_admin.configs import sending
from cluster_admin.configs.desk import Desk
from cluster_admin.events.ledger import Arrival
from cluster_admin.events.moments import Moment
from workers.bus.exchanges import config_exchange

QUEUE_ARGUMENTS: dict[str, int | str] = {
    "x-queue-type": "quorum",
    "x-overflow": "drop-head",
    "x-max-length": 10_000,
    "x-max-length-bytes": 64 * 1024 * 1024,
    "x-message-ttl": 6 * 3_600_000,
    "x-expires": 7 * 24 * 3_600_000,
    "x-delivery-limit": 20,
}
"""Of `managers_queue`. Whoever declares it must say the same: the broker refuses other arguments
for a queue that exists."""


def managers_queue(cluster: str, subcluster: str) -> str:
    """Where what nodes tell waits for a listener.

    Not named as the exchange: a node that may write to that could bind the queue to other rooms.
    """
    return f"muster.{cluster}.{subcluster}.managers.config"


class ConfigurationTaker:
    """See `events.hearing`. `say` gets one line for each change of a node's worth telling."""

    name = "configuration"

    def __init__(self, cluster: str, keys: Sequence[bytes], say: Callable[[str], None]) -> None:
        self._cluster = cluster
        self._say = say
        self._desk = Desk(cluster, keys)

    def take(self, arrivals: Sequence[Arrival], now: Moment) -> Collection[str]:
        """Keep how nodes stand, and have those told that lag."""
        outcome = self._desk.work(arrivals, now)
        for sentence in outcome.sentences:
            self._say(sentence)
        sending.order(outcome.asked)
        return outcome.subclusters

    def enter(self, channel: BlockingChannel, subcluster: str) -> str:
        """Make the subcluster's queue."""
        room = config_exchange(self._cluster, subcluster)
        queue = managers_queue(self._cluster, subcluster)
        channel.exchange_declare(room, "fanout", durable=True)
        channel.queue_declare(queue, durable=True, arguments=QUEUE_ARGUMENTS)
        channel.queue_bind(queue, room)
        self._desk.entered(subcluster)
        return queue
