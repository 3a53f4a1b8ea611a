"""What accounts may do at a broker: the three patterns of docs/reference/node.md.

Invariant: a node's account can make and read its own queue alone, hear and speak in the rooms of
its own subcluster, and in the one where all subclusters tell what they count together; so a stolen
one disturbs nobody else. Names are matched literally.
"""

import re
from dataclasses import dataclass

from workers.bus.exchanges import (
    GENERATED_QUEUE_PREFIX,
    MANAGER_QUEUE,
    cluster_replication_exchange,
    config_exchange,
    control_exchange,
    events_exchange,
    heartbeat_exchange,
    logs_exchange,
    logs_kept_exchange,
    logs_queue,
    node_logs_queue,
    node_metrics_queue,
    node_queue,
    replication_exchange,
)

_OWN_QUEUES = re.escape(GENERATED_QUEUE_PREFIX) + ".*"
_SPOKEN = (heartbeat_exchange, events_exchange, config_exchange)
_LOGS = (logs_exchange, logs_kept_exchange)
_DEFAULT_EXCHANGE = re.escape("amq.default")


@dataclass(frozen=True, slots=True)
class Permissions:
    """Patterns of the queues and exchanges that may be made, written to and read from."""

    configure: str
    write: str
    read: str


def rooms_of(cluster: str, subcluster: str) -> tuple[str, ...]:
    """Every fanout exchange of a subcluster; those of logs are made by collectors."""
    makers = (heartbeat_exchange, events_exchange, control_exchange, config_exchange)
    own = tuple(make(cluster, subcluster) for make in makers)
    return (*own, *_counts(cluster, subcluster))


def room_permissions(rooms: tuple[str, ...]) -> Permissions:
    """Hear and speak in these rooms."""
    both = _pattern(_OWN_QUEUES, *map(re.escape, rooms))
    return Permissions(_pattern(_OWN_QUEUES), both, both)


def node_permissions(cluster: str, subcluster: str, node: str) -> Permissions:
    """Heartbeats and counts both ways; events, configuration, logs out; questions, own tasks in."""
    heartbeat, events, config = (re.escape(make(cluster, subcluster)) for make in _SPOKEN)
    control = re.escape(control_exchange(cluster, subcluster))
    logs, kept = (re.escape(make(cluster, subcluster)) for make in _LOGS)
    queues = (node_queue(node), node_logs_queue(node), node_metrics_queue(node))
    own = (_OWN_QUEUES, *map(re.escape, queues))
    both = (heartbeat, *map(re.escape, _counts(cluster, subcluster)))
    return Permissions(
        configure=_pattern(*own),
        write=_pattern(_OWN_QUEUES, *both, events, config, logs),
        read=_pattern(*own, *both, control, kept),
    )


def is_of_cluster(found: Permissions, cluster: str, node: str) -> bool:
    """Whether these are the rights of that node, in whichever subcluster of the cluster."""
    parts = (re.escape(node_queue(node)), re.escape(f"muster.{cluster}."))
    alternatives = found.read.removeprefix("^(").removesuffix(")$").split("|")
    return parts[0] in alternatives and any(each.startswith(parts[1]) for each in alternatives)


def manager_permissions(cluster: str) -> Permissions:
    """Every subcluster's rooms but the ring; its own tasks, and tasks into any node's queue."""
    kinds = r"events|control|config|logs|logs\.kept|replication"
    rooms = rf"muster\.{re.escape(cluster)}\.(.*\.({kinds})|replication)"
    subscribers = re.escape(logs_queue(cluster, "")) + ".*"
    own = (_OWN_QUEUES, re.escape(MANAGER_QUEUE), subscribers)
    return Permissions(
        configure=_pattern(*own, re.escape(node_queue("")) + ".*", rooms),
        write=_pattern(*own, _DEFAULT_EXCHANGE, rooms),
        read=_pattern(*own, rooms),
    )


def _counts(cluster: str, subcluster: str) -> tuple[str, str]:
    return replication_exchange(cluster, subcluster), cluster_replication_exchange(cluster)


def _pattern(*alternatives: str) -> str:
    return f"^({'|'.join(alternatives)})$"
