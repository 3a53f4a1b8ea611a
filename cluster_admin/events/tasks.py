"""The manager's periodic work on the history: retention, and delivering notifications.

With two managers both may deliver at once: rows are claimed. Deleting takes a lock.
"""

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from cluster_admin.events import delivery, retention
from cluster_admin.events.locks import only_one


@shared_task(name="events.prune")  # type: ignore[untyped-decorator]
def prune() -> None:
    """Delete what is not to be kept."""
    with only_one("events.prune") as ours:
        if ours:
            retention.prune(
                settings.MUSTER_EVENTS_KEPT, settings.MUSTER_EVENTS_DAYS, timezone.now()
            )


@shared_task(name="events.deliver")  # type: ignore[untyped-decorator]
def deliver() -> None:
    """Deliver the notifications that are due."""
    delivery.deliver()
