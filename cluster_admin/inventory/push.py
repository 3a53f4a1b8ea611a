"""Handing the newest definitions to the nodes, through each one's pinned Celery worker.

Fire and forget: a node that misses a push gets the file from a peer, or from the listener, which
sees in every report which revision a node has. Invariant: nothing here delays or fails a change.
"""

import logging
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.db import connections

from cluster_admin.inventory import node_tasks, repository
from cluster_admin.inventory.models import Subcluster
from workers.failover.core.definitions_text import parse

TASK = "muster.node.define"
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
    """Send the newest definitions to `nodes`; raises what `node_tasks` raises."""
    arguments = [subcluster.name, subcluster.revision, repository.newest_text(subcluster)]
    with node_tasks.opened() as post:
        for node in nodes:
            post.send(node, TASK, arguments)


def _push_all(subcluster_pk: int) -> None:
    try:
        subcluster = Subcluster.objects.get(pk=subcluster_pk)
        push(subcluster, addressees(subcluster))
    except Exception as error:
        log.warning("definitions were not pushed (the listener will): %s", error)
    finally:
        connections.close_all()
