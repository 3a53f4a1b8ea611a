"""Waiting until a replica has a revision: only then a commit outlives the manager's disk."""

import time
from collections.abc import Callable

from django.conf import settings
from django.utils import timezone

from cluster_admin.configs import conflicts, orders, stands, store
from cluster_admin.configs.models import Replica

SECONDS = 5.0
LOOK_SECONDS = 0.05


def wait_for_replica(number: int, seconds: float = SECONDS) -> list[str]:
    """Names of nodes that have revision `number`, as soon as there is one; at most `seconds`.

    Empty after that, and at once when no node is up or there is no bus. Call it outside of
    transactions: the rows are written by another process. Raises `RepositoryError` for a revision
    that is none.
    """
    if not settings.MUSTER_BROKERS:
        return []
    commit = store.repository().revision(number).hash
    return waited(lambda: _looked(number, commit), seconds, time.monotonic, time.sleep)


def waited(
    look: Callable[[], tuple[list[str], bool]],
    seconds: float,
    clock: Callable[[], float],
    pause: Callable[[float], None],
) -> list[str]:
    """Call `look` until it finds holders, or says that waiting is in vain, or time is up."""
    end = clock() + seconds
    while True:
        found, hope = look()
        if found or not hope or clock() >= end:
            return found
        pause(LOOK_SECONDS)


def _looked(number: int, commit: str) -> tuple[list[str], bool]:
    """Who holds it, and whether any node is up that may yet get it."""
    now, known = timezone.now(), stands.of(Replica.objects.all())
    # A higher number of another history is no holder, and gets nothing.
    ours = conflicts.ours(stand.commit for stand in known.values())
    known = {node: stand for node, stand in known.items() if stand.commit in ours}
    up = any(orders.is_up(stand, now) for stand in known.values())
    return orders.holders(known, number, commit, now), up
