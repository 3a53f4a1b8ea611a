"""Whether somebody takes the tasks that a manager hands out: consumers of its queue and the nodes'.

Asked at a broker itself, from the manager's host and with its account: a worker that runs but has
not come through to its queue is as good as none.
"""

import pika
from pika.adapters.blocking_connection import BlockingConnection
from pika.exceptions import AMQPError, ChannelClosedByBroker

from workers.bus.exchanges import (
    MANAGER_QUEUE,
    logs_queue,
    node_logs_queue,
    node_metrics_queue,
    node_queue,
)
from workers.lab import manager_files
from workers.lab.core.hosts import Role, collector_names, namespace
from workers.lab.health import in_namespace
from workers.lab.log_files import ships
from workers.lab.state import Record

CONNECT_SECONDS = 2.0


def missing_workers(record: Record) -> list[str]:
    """Sentences about queues that nobody takes from; empty in a lab without a manager."""
    if not record.names(Role.MANAGER):
        return []
    host = record.names(Role.MANAGER)[0]
    nodes = record.names(Role.NODE)
    queues = [MANAGER_QUEUE, *map(node_queue, nodes)]
    if record.limits:
        queues += map(node_metrics_queue, nodes)
    if ships(record):
        queues += map(node_logs_queue, nodes)
    if record.collectors:
        queues += (logs_queue(record.name, name) for name in collector_names(record.collectors))
    url = manager_files.environment_of(record, host)["MUSTER_BROKER_URL"].split(",")[0]
    try:
        idle = in_namespace(namespace(record.name, host), lambda: _idle(url, queues))
    except OSError:
        return ["the broker does not tell who takes tasks"]
    return [f"nobody takes tasks from {', '.join(idle)}"] if idle else []


def _idle(url: str, queues: list[str]) -> list[str]:
    parameters = pika.URLParameters(url)
    parameters.socket_timeout = parameters.blocked_connection_timeout = CONNECT_SECONDS
    try:
        connection = BlockingConnection(parameters)
    except (AMQPError, OSError):
        return queues
    try:
        return [queue for queue in queues if not _consumers(connection, queue)]
    finally:
        connection.close()


def _consumers(connection: BlockingConnection, queue: str) -> int:
    channel = connection.channel()
    try:
        return int(channel.queue_declare(queue, passive=True).method.consumer_count)
    except ChannelClosedByBroker:
        return 0
