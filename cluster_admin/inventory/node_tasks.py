"""Handing tasks to nodes' pinned workers, signed with the cluster's key for the one node.

Fire and forget: whoever sends sees by what nodes tell whether a task arrived. The key is read anew
each time, so a change of keys needs no restart here.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.conf import settings

from workers.bus.errors import BusError
from workers.bus.exchanges import node_queue
from workers.bus.keys import load_keys
from workers.bus.signing import Signer

EXPIRE_SECONDS = 60
PRODUCER_SECONDS = 5
TRANSIENT, PERSISTENT = 1, 2
"""AMQP's modes of delivery: whether a message is to outlive the broker."""
ONCE_MORE = {"max_retries": 1, "interval_start": 0}
"""A broker leaves connections that were silent for minutes: the next one is tried at once."""


class Post:
    """A connection to a broker, while `opened` has it open."""

    def __init__(self, app: Any, producer: Any, signer: Signer) -> None:
        self._app = app
        self._producer = producer
        self._signer = signer

    def send(self, node: str, task: str, arguments: Sequence[Any], mode: int = PERSISTENT) -> None:
        """Send a node a task, which waits for a minute; raises what the broker's client raises.

        `arguments`: what JSON can say.
        """
        self._app.send_task(
            task,
            args=list(arguments),
            queue=node_queue(node),
            headers=self._signer.headers(task, node, arguments),
            expiration=EXPIRE_SECONDS,  # by the broker's clock: a node's may be wrong
            # The broker answers for what is to be on its disk only when it is there.
            delivery_mode=mode,
            producer=self._producer,
            retry=True,
            retry_policy=ONCE_MORE,
            ignore_result=True,
        )


@contextmanager
def opened() -> Iterator[Post]:
    """A way to the nodes; raises `BusError` without keys, `ConnectionError` without brokers."""
    if not settings.MUSTER_BROKERS:
        raise ConnectionError("this manager has no broker: set MUSTER_BROKER_URL")
    if not settings.MUSTER_KEY_FILE:
        raise BusError("MUSTER_KEY_FILE is not set; name the file of the cluster's keys")
    signer = Signer(settings.MUSTER_CLUSTER, load_keys(settings.MUSTER_KEY_FILE))
    from cluster_admin.celery import app

    with app.producer_pool.acquire(block=True, timeout=PRODUCER_SECONDS) as producer:
        yield Post(app, producer, signer)
