"""The manager's periodic work on configuration: retention, and tidying the repository's disk."""

from celery import shared_task
from django.utils import timezone

from cluster_admin.configs import retention, store
from cluster_admin.events.locks import only_one


@shared_task(name="configs.prune")  # type: ignore[untyped-decorator]
def prune() -> None:
    """Delete what is not to be kept."""
    with only_one("configs.prune") as ours:
        if ours:
            retention.prune(timezone.now())


@shared_task(name="configs.tidy")  # type: ignore[untyped-decorator]
def tidy() -> None:
    """Pack the repository's objects, if they have become many."""
    store.repository().collect_garbage()
