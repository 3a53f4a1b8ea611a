"""The rooms on the bus: names of exchanges, queues and accounts, and how queues are declared.

A room is a durable fanout exchange; each listener has an exclusive queue named by the server, which
dies with its connection. Nothing waits longer than it is worth hearing, and a listener that stands
still costs the broker a bounded number of messages.
"""

from dataclasses import dataclass

QUEUE_LENGTH_MAX = 1_000
GENERATED_QUEUE_PREFIX = "amq.gen-"
"""What the broker's own names for queues begin with."""
MANAGER_ACCOUNT = "manager"
"""The managers' account at the broker; a node's account has the node's name."""
MANAGER_QUEUE = "manager"
"""Where the managers' own Celery tasks wait."""
NODE_QUEUE_ARGUMENTS: dict[str, int | str] = {"x-max-length": 100, "x-overflow": "drop-head"}
"""Of a node's queue of tasks (durable, on the default exchange). Whoever declares it must say the
same: the broker refuses other arguments for a queue that exists."""
RESERVED_SUBCLUSTERS = frozenset({"logs"})
"""Rooms of such a subcluster would be named as the queues of subscribers of logs are: whoever may
use the one at the broker could use the other."""
LOGS_STANDING_KEY = ""
"""Nodes tell with it, in the exchange of logs, how these are: no subscriber is called so."""
EVENTS_TTL_MS = 60_000
EVENTS_LENGTH_MAX = 10_000
CONTROL_TTL_MS = 10_000
REPLICATION_TTL_MS = 10_000


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


def events_exchange(cluster: str, subcluster: str) -> str:
    """Where the nodes of a subcluster tell managers what happens."""
    return f"muster.{cluster}.{subcluster}.events"


def events_room(cluster: str, subcluster: str) -> Room:
    """Managers hear; one that stands still for longer asks for what it missed."""
    return Room(events_exchange(cluster, subcluster), EVENTS_TTL_MS, EVENTS_LENGTH_MAX)


def control_exchange(cluster: str, subcluster: str) -> str:
    """Where managers ask the nodes of a subcluster."""
    return f"muster.{cluster}.{subcluster}.control"


def control_room(cluster: str, subcluster: str) -> Room:
    """Reporters hear; a question that is older has been asked again."""
    return Room(control_exchange(cluster, subcluster), CONTROL_TTL_MS)


def config_exchange(cluster: str, subcluster: str) -> str:
    """Where the nodes of a subcluster tell managers how their configuration is."""
    return f"muster.{cluster}.{subcluster}.config"


def logs_exchange(cluster: str, subcluster: str) -> str:
    """Where nodes send pieces of logs, by subscriber: a direct exchange, made by collectors."""
    return f"muster.{cluster}.{subcluster}.logs"


def logs_kept_exchange(cluster: str, subcluster: str) -> str:
    """Where collectors tell nodes what they have, by node: a direct exchange, made by them too."""
    return f"muster.{cluster}.{subcluster}.logs.kept"


def logs_queue(cluster: str, subscriber: str) -> str:
    """Where a subscriber's pieces of logs wait, from all subclusters."""
    return f"muster.{cluster}.logs.{subscriber}"


def logs_queue_arguments(length_bytes: int) -> dict[str, int | str]:
    """A subscriber's queue refuses what it has no room for: the logs wait on the nodes instead."""
    return {"x-max-length-bytes": length_bytes, "x-overflow": "reject-publish"}


def replication_exchange(cluster: str, subcluster: str) -> str:
    """Where the nodes of a subcluster tell one another what they count."""
    return f"muster.{cluster}.{subcluster}.replication"


def cluster_replication_exchange(cluster: str) -> str:
    """The same for the tables that all subclusters share."""
    return f"muster.{cluster}.replication"


def replication_room(exchange: str) -> Room:
    """Nodes hear, and managers; what is older was counted again, or is asked for."""
    return Room(exchange, REPLICATION_TTL_MS)


def node_metrics_queue(node: str) -> str:
    """Where tasks for the replicating worker of a node wait."""
    return f"{node_queue(node)}.metrics"


def node_logs_queue(node: str) -> str:
    """Where tasks for the log worker of a node wait."""
    return f"{node_queue(node)}.logs"


def node_queue(node: str) -> str:
    """Where tasks for one node wait."""
    return f"node.{node}"
