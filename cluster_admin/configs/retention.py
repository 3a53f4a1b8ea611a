"""What is kept of what nodes told, and what goes: oldest first, a bounded number at a time.

Invariant: nothing grows without bound, and of each node that is defined the newest application
stays. What a node that was removed had told goes some weeks later: its edits may still be wanted.
"""

from datetime import datetime, timedelta

from django.db.models import Max

from cluster_admin.configs import refused_messages
from cluster_admin.configs.conflict_models import RefusedMessages
from cluster_admin.configs.models import Application, Edit, Replica
from cluster_admin.inventory.models import Node

APPLICATIONS_KEPT = 20_000
APPLICATIONS_AGE = timedelta(days=180)
REMOVED_AGE = timedelta(days=30)
BATCH = 2_000


def prune(now: datetime, kept: int = APPLICATIONS_KEPT, batch: int = BATCH) -> int:
    """Delete applications beyond `kept` or too old, at most a batch, and removed nodes' rows.

    How many applications were deleted.
    """
    ids = Application.objects.order_by("-id").values_list("id", flat=True)
    first_kept = next(iter(ids[kept - 1 : kept]), 0)
    newest = Application.objects.filter(node__in=_defined()).order_by().values("node")
    stay = set(newest.annotate(newest=Max("id")).values_list("newest", flat=True))
    rows = Application.objects.order_by("id").values_list("id", "at")[: batch + len(stay)]
    oldest = now - APPLICATIONS_AGE
    gone = [pk for pk, at in rows if (pk < first_kept or at < oldest) and pk not in stay]
    Application.objects.filter(pk__in=gone[:batch]).delete()
    long_ago = now - REMOVED_AGE
    Replica.objects.exclude(node__in=_defined()).filter(heard_at__lt=long_ago).delete()
    Edit.objects.exclude(node__in=_defined()).filter(at__lt=long_ago).delete()
    nobody = [*_defined(), refused_messages.NOBODY]
    RefusedMessages.objects.exclude(sender__in=nobody).filter(newest_at__lt=long_ago).delete()
    return len(gone[:batch])


def _defined() -> list[str]:
    return list(Node.objects.values_list("name", flat=True))
