"""The outbox: what is to be told to whom, written in the transaction of the events it is about.

Invariant: an event is told to a target at most once, whatever is restarted; what still gathers is
extended rather than doubled. Delivery is `delivery`'s.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Q

from cluster_admin.events.models import Event, Notification, NotificationTarget
from cluster_admin.events.notices import QUIET_TOPICS, Key, Notice, gather
from cluster_admin.inventory.models import Node
from workers.bus.exchanges import MANAGER_ACCOUNT

GATHERING = timedelta(seconds=2)
"""A message waits this long for more of the same."""
QUIET = timedelta(minutes=5)
"""The same trouble of the same VIP is told again after this long at the earliest."""
SUBJECTS_MAX = 1_000
"""Named in one message; beyond it they are counted."""


def note(subcluster: str, events: Sequence[Event], now: datetime) -> None:
    """Put what these new events are worth into the outbox. They need not have ids yet."""
    if not gather(events, MANAGER_ACCOUNT, frozenset(), now):
        return  # nearly always, and then nothing is asked of the database
    targets = list(
        NotificationTarget.objects.filter(Q(subcluster="") | Q(subcluster=subcluster), enabled=True)
    )
    if not targets:
        return
    notices = gather(events, MANAGER_ACCOUNT, _silent(subcluster), now)
    for key, notice in notices.items():
        for target in targets:
            if key.topic in target.kinds:
                _put(target, subcluster, key, notice, now)


def _silent(subcluster: str) -> frozenset[str]:
    nodes = Node.objects.filter(
        subcluster__name=subcluster, admin_state=Node.Admin.MAINTENANCE.value
    )
    return frozenset(nodes.values_list("name", flat=True))


def _put(
    target: NotificationTarget, subcluster: str, key: Key, notice: Notice, now: datetime
) -> None:
    alike = Notification.objects.filter(
        target=target,
        topic=key.topic,
        subcluster=subcluster,
        node=key.node,
        cause=key.cause[:200],
    )
    subjects = notice.subjects
    if key.topic in QUIET_TOPICS:
        lately = alike.filter(created_at__gt=now - QUIET).values_list("subjects", flat=True)
        told = {subject for some in lately for subject in some}
        subjects = [subject for subject in subjects if subject not in told]
    if not subjects:
        return
    pending = alike.filter(state=Notification.State.PENDING, attempts=0)
    # A row that is due later than that is being delivered: what is added now would not be told.
    gathering = pending.filter(next_at__gt=now, next_at__lte=now + GATHERING)
    row = gathering.select_for_update().first()
    if row is not None:
        new = [subject for subject in subjects if subject not in row.subjects]
        row.count += len(new)
        row.subjects = [*row.subjects, *new][:SUBJECTS_MAX]
        row.save(update_fields=["count", "subjects"])
        return
    row = Notification(
        event_id=_id_of(notice, subcluster),
        target=target,
        topic=key.topic,
        subcluster=subcluster,
        node=key.node,
        cause=key.cause[:200],
        subjects=subjects[:SUBJECTS_MAX],
        count=len(subjects),
        created_at=now,
        next_at=now + GATHERING,
    )
    Notification.objects.bulk_create([row], ignore_conflicts=True)


def _id_of(notice: Notice, subcluster: str) -> int:
    """The stored event's id: rows that were made in bulk do not know theirs."""
    first = notice.first
    return int(
        Event.objects.values_list("pk", flat=True).get(
            subcluster=subcluster,
            node=first.node,
            incarnation=first.incarnation,
            number=first.number,
        )
    )
