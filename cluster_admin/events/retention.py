"""What is kept of the history, and what goes: oldest first, a small batch at a time.

Invariant: nothing grows without bound, and no event that a node can still tell comes back: the
cursor of the newest run of a defined node stays.
"""

from datetime import datetime, timedelta

from django.db.models import Max

from cluster_admin.events.models import Cursor, Event, ListenerStatus, Notification
from cluster_admin.inventory.models import Node
from workers.bus.exchanges import MANAGER_ACCOUNT

BATCH = 2_000
BATCHES = 50
"""In one go: the next one comes soon."""
NOTIFICATIONS_KEPT = timedelta(days=30)
LISTENERS_KEPT = timedelta(days=30)
"""Rows of hosts that no longer listen."""


def prune(kept: int, days: int, now: datetime, batch: int = BATCH, batches: int = BATCHES) -> int:
    """Delete events beyond `kept` or older than `days`, and what belongs to them; how many."""
    oldest = now - timedelta(days=days)
    deleted = 0
    for _ in range(batches):
        gone = _prune_events(_first_kept(kept), oldest, batch)
        deleted += gone
        if gone < batch:
            break
    _prune_cursors(oldest)
    finished = Notification.objects.exclude(state=Notification.State.PENDING)
    finished.filter(created_at__lt=now - NOTIFICATIONS_KEPT).delete()
    ListenerStatus.objects.filter(alive_at__lt=now - LISTENERS_KEPT).delete()
    return deleted


def _first_kept(kept: int) -> int:
    """Id of the oldest event that is within the number to keep; 0 when all are."""
    found = Event.objects.order_by("-id").values_list("id", flat=True)[max(0, kept - 1) :][:1]
    return found[0] if found else 0


def _prune_events(first_kept: int, oldest: datetime, batch: int) -> int:
    rows = list(Event.objects.order_by("id").values_list("id", "received_at")[:batch])
    gone = [pk for pk, received_at in rows if pk < first_kept or received_at < oldest]
    if not gone:
        return 0
    # Ids grow with the time of receipt, so what goes is one range.
    return Event.objects.filter(id__gte=gone[0], id__lte=gone[-1])._raw_delete("default")


def _prune_cursors(oldest: datetime) -> None:
    newest = Cursor.objects.filter(node__in=Node.objects.values("name")).values(
        "node", "subcluster"
    )
    kept = {
        (row["subcluster"], row["node"], row["newest"])
        for row in newest.annotate(newest=Max("incarnation"))
    }
    old = Cursor.objects.filter(moved_at__lt=oldest).exclude(node=MANAGER_ACCOUNT)
    gone = [
        row.pk for row in old[:BATCH] if (row.subcluster, row.node, row.incarnation) not in kept
    ]
    Cursor.objects.filter(pk__in=gone).delete()
