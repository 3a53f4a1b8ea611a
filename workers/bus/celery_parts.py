"""What both sides' Celery apps use: queues without exchanges of their own, and patient connections.

A task goes to a queue by name (the default exchange), so that a node may declare its own queue and
nothing else. Invariant: whoever names a queue `node.N` declares it as the node does, since the
broker refuses any other declaration; `Celery(..., amqp=TaskAmqp)` sees to that.
"""

from typing import Any

from celery.app.amqp import AMQP, Queues
from kombu.connection import Connection
from kombu.entity import Exchange, Queue

from workers.bus.exchanges import NODE_QUEUE_ARGUMENTS, node_queue

DEFAULT_EXCHANGE = Exchange("")  # type: ignore[no-untyped-call]
RETRY_SECONDS, RETRY_MAX_SECONDS = 0.2, 2.0


class PatientConnection(Connection):
    """Goes round the brokers for ever, without kombu's waits of up to half a minute."""

    def ensure_connection(self, *args: Any, **options: Any) -> Any:
        """Return once a broker lets us in."""
        waits = {"interval_start": RETRY_SECONDS, "interval_step": RETRY_SECONDS}
        waits["interval_max"] = RETRY_MAX_SECONDS
        return super().ensure_connection(*args, **{**waits, **options})  # type: ignore[no-untyped-call]


def task_queue(name: str) -> Queue:
    """A durable classic queue that is reached by its name; a node's is bounded."""
    bounded = name.startswith(node_queue(""))
    return Queue(  # type: ignore[no-untyped-call]
        name,
        DEFAULT_EXCHANGE,
        routing_key=name,
        durable=True,
        queue_arguments=dict(NODE_QUEUE_ARGUMENTS) if bounded else None,
    )


class TaskQueues(Queues):  # type: ignore[misc]
    """The queues an app knows, or is told to send to."""

    def new_missing(self, name: str) -> Queue:
        """A queue that was only named."""
        return task_queue(name)


class TaskAmqp(AMQP):  # type: ignore[misc]
    """Celery's way to the broker: that connection, those queues, the default exchange."""

    Connection = PatientConnection
    queues_cls = TaskQueues
    default_exchange = DEFAULT_EXCHANGE
