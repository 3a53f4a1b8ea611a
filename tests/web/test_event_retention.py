"""What is kept of the history: a number, a time, and the cursors that are still needed."""

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from cluster_admin.events import retention
from cluster_admin.events.models import (
    Cursor,
    Event,
    ListenerStatus,
    Notification,
    NotificationTarget,
)
from cluster_admin.events.tasks import prune
from tests.web.listening import make_subcluster

pytestmark = pytest.mark.django_db
NUMBERS = count(1)
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def happen(number: int, age_days: float = 0.0) -> list[int]:
    at = NOW - timedelta(days=age_days)
    rows = [
        Event(
            subcluster="default",
            node="mta1",
            incarnation=1,
            number=next(NUMBERS),
            time=at,
            received_at=at,
            kind="late",
        )
        for _ in range(number)
    ]
    return [row.pk for row in Event.objects.bulk_create(rows)]


def ids() -> list[int]:
    return list(Event.objects.order_by("id").values_list("id", flat=True))


def test_the_newest_are_kept() -> None:
    made = happen(50)

    assert retention.prune(20, 365, NOW) == 30
    assert ids() == made[-20:]
    assert retention.prune(20, 365, NOW) == 0


def test_what_is_too_old_goes() -> None:
    happen(5, age_days=400)
    young = happen(5, age_days=300)

    retention.prune(1000, 365, NOW)

    assert ids() == young


def test_it_goes_in_batches() -> None:
    made = happen(95)
    retention.prune(7, 365, NOW, batch=10)
    assert ids() == made[-7:]

    happen(100)
    assert retention.prune(7, 365, NOW, batch=10, batches=2) == 20


def test_a_notification_outlives_its_event() -> None:
    target = NotificationTarget.objects.create(kind="webhook", address="https://hooks.example/")
    (event,) = happen(1, age_days=400)
    Notification.objects.create(
        event_id=event, target=target, topic="moved", created_at=NOW, next_at=NOW
    )
    retention.prune(10, 365, NOW)

    assert not Event.objects.exists()
    assert Notification.objects.get().event_id == event


def test_notifications_that_are_done_go_after_a_month() -> None:
    target = NotificationTarget.objects.create(kind="webhook", address="https://hooks.example/")
    for state, age_days in (("sent", 40), ("pending", 40), ("sent", 10)):
        at = NOW - timedelta(days=age_days)
        Notification.objects.create(
            event_id=age_days + len(state),
            target=target,
            topic="moved",
            state=state,
            created_at=at,
            next_at=at,
        )
    retention.prune(10, 365, NOW)

    found = sorted(Notification.objects.values_list("state", "created_at"))
    assert [state for state, _ in found] == ["pending", "sent"]


def test_cursors_go_with_their_runs_but_the_newest_of_a_node_stays() -> None:
    make_subcluster()
    old = NOW - timedelta(days=400)
    for node, run, moved_at in (
        ("mta1", 1, old),
        ("mta1", 2, old),
        ("mta2", 1, old),
        ("mta2", 2, NOW),
        ("gone", 1, old),
        ("gone", 2, NOW),
        ("manager", 1, old),
    ):
        Cursor.objects.create(subcluster="default", node=node, incarnation=run, moved_at=moved_at)
    retention.prune(10, 365, NOW)

    found = set(Cursor.objects.values_list("node", "incarnation"))
    assert found == {("mta1", 2), ("mta2", 2), ("gone", 2), ("manager", 1)}


def test_hosts_that_no_longer_listen_are_forgotten() -> None:
    for name, age_days in (("old", 40), ("here", 0)):
        at = NOW - timedelta(days=age_days)
        ListenerStatus.objects.create(name=name, started_at=at, alive_at=at)
    retention.prune(10, 365, NOW)

    assert ListenerStatus.objects.get().name == "here"


def test_the_task_prunes_by_the_settings() -> None:
    happen(3)
    prune()

    assert Event.objects.count() == 3
