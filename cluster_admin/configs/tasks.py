"""The manager's periodic work on configuration: index, retention, and the repository's disk."""

from celery import shared_task
from django.utils import timezone

from cluster_admin.configs import index, proposal_deciding, retention, store
from cluster_admin.configs.soon import log
from cluster_admin.events.locks import only_one
from workers.repository.errors import RepositoryError


@shared_task(name="configs.follow")  # type: ignore[untyped-decorator]
def follow() -> None:
    """Make the rows say what git says, where a death left them behind."""
    try:
        index.follow()
    except RepositoryError as error:
        log.error("the index cannot follow: %s", error)


@shared_task(name="configs.prune")  # type: ignore[untyped-decorator]
def prune() -> None:
    """Delete what is not to be kept."""
    with only_one("configs.prune") as ours:
        if ours:
            now = timezone.now()
            retention.prune(now)
            proposal_deciding.prune(now)


@shared_task(name="configs.tidy")  # type: ignore[untyped-decorator]
def tidy() -> None:
    """Pack the repository's objects, if they have become many."""
    store.repository().collect_garbage()
