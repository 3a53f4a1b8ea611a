"""The rooms on the bus: names, and what queues of listeners are declared with.

A room is a durable fanout exchange; each listener has an exclusive queue named by the server, which
dies with its connection. Nothing waits longer than it is worth hearing, and a listener that stands
still costs the broker a bounded number of messages.
"""

from dataclasses import dataclass

QUEUE_LENGTH_MAX = 1_000
GENERATED_QUEUE_PREFIX = "amq.gen-"
"""What the broker's own names for queues begin with."""


@dataclass(frozen=True, slots=True)
class Room:
    """A fanout exchange and how its listeners' queues are declared."""

    exchange: str
    message_ttl_ms: int
    queue_length_max: int = QUEUE_LENGTH_MAX

    @property
    def queue_arguments(self) -> dict[str, int | str]:
        """For queue.declare: old messages expire, too many push the oldest out."""
        return {
            "x-message-ttl": self.message_ttl_ms,
            "x-max-length": self.queue_length_max,
            "x-overflow": "drop-head",
        }


def heartbeat_exchange(cluster: str, subcluster: str) -> str:
    """Name of ring A of a subcluster."""
    return f"muster.{cluster}.{subcluster}.heartbeat"


def heartbeat_room(cluster: str, subcluster: str, dead_after_seconds: float) -> Room:
    """Ring A: a heartbeat older than `dead_after` says nothing any more."""
    ttl_ms = max(1, round(dead_after_seconds * 1000))
    return Room(heartbeat_exchange(cluster, subcluster), ttl_ms)
