"""The manager's periodic work on the audit trail."""

from celery import shared_task

from cluster_admin.audit.services import prune_attempts

ATTEMPTS_KEPT = 100_000
"""Denied and refused attempts; some 50 MB."""
BATCHES = 20


@shared_task(name="audit.prune")  # type: ignore[untyped-decorator]
def prune() -> None:
    """Delete attempts that are too many; two managers at it do no harm."""
    for _ in range(BATCHES):
        if not prune_attempts(ATTEMPTS_KEPT):
            break
