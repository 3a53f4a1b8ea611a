"""Handing the newest definitions to the nodes, through each one's pinned Celery worker.

Fire and forget: a node that misses a push gets the file from a peer, or from the listener, which
sees in every report which revision a node has. Invariant: nothing here delays or fails a change.
"""

import logging
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.db import connections

from cluster_admin.inventory import repository
from cluster_admin.inventory.models import Subcluster
from workers.failover.core.definitions_text import parse

TASK = "muster.node.define"
EXPIRE_SECONDS = 60
ONCE_MORE = {"max_retries": 1, "interval_start": 0}
"""A broker leaves connections that were silent for minutes: the next one is tried at once."""
log = logging.getLogger("muster.push")
_pusher = ThreadPoolExecutor(max_workers=1, thread_name_prefix="push")


def push_soon(subcluster_pk: int) -> None:
    """Push the newest definitions from a thread of its own; returns at once."""
    if settings.MUSTER_BROKERS:
        _pusher.submit(_push_all, subcluster_pk)


def addressees(subcluster: Subcluster) -> list[str]:
    """The nodes of the subcluster, and those of the revision before: who left has to know it."""
    names = set(subcluster.node_set.values_list("name", flat=True))
    before = repository.text_before(subcluster, subcluster.revision)
    if before:
        names.update(parse(before).nodes)
    return sorted(names)


def push(subcluster: Subcluster, nodes: list[str]) -> None:
    """Send the newest definitions to `nodes`; raises what the broker's client raises."""
    from cluster_admin.celery import app
    from workers.bus.exchanges import node_queue

    text = repository.newest_text(subcluster)
    with app.producer_pool.acquire(block=True, timeout=5) as producer:
        for node in nodes:
            app.send_task(
                TASK,
                args=[subcluster.name, subcluster.revision, text],
                queue=node_queue(node),
                expiration=EXPIRE_SECONDS,  # by the broker's clock: a node's may be wrong
                producer=producer,
                retry=True,
                retry_policy=ONCE_MORE,
                ignore_result=True,
            )


def _push_all(subcluster_pk: int) -> None:
    try:
        subcluster = Subcluster.objects.get(pk=subcluster_pk)
        push(subcluster, addressees(subcluster))
    except Exception as error:
        log.warning("definitions were not pushed (the listener will): %s", error)
    finally:
        connections.close_all()
