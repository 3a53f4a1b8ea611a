"""The joining app's periodic work: accounts of removed nodes, and tokens of long ago."""

from celery import shared_task
from django.utils import timezone

from cluster_admin.events.locks import only_one
from cluster_admin.joining import leaving, tokens


@shared_task(name="joining.look")  # type: ignore[untyped-decorator]
def look() -> None:
    """Delete the broker accounts of nodes that are gone."""
    with only_one("joining.look") as ours:
        if ours:
            leaving.look(timezone.now())


@shared_task(name="joining.prune")  # type: ignore[untyped-decorator]
def prune() -> None:
    """Forget tokens that ended long ago."""
    tokens.prune(timezone.now())
