"""What of the audit trail goes: attempts beyond a number, the oldest first; never what was done."""

import pytest

from cluster_admin.audit import services
from cluster_admin.audit.actor import Actor
from cluster_admin.audit.models import AuditRecord

pytestmark = pytest.mark.django_db


def _tell(number: int, outcome: str) -> None:
    actor = Actor("somebody", source=f"192.0.2.{number}")
    services.record(actor, "update", kind="node", object=f"mta{number}", outcome=outcome)


def test_attempts_beyond_the_number_go_and_changes_stay() -> None:
    for number in range(6):
        _tell(number, "done")
        _tell(number, "denied" if number % 2 else "refused")

    assert [services.prune_attempts(2, batch=3) for _ in range(3)] == [3, 1, 0]

    attempts = AuditRecord.objects.exclude(outcome="done").order_by("id")
    assert list(attempts.values_list("object", flat=True)) == ["mta4", "mta5"]
    assert AuditRecord.objects.filter(outcome="done").count() == 6
