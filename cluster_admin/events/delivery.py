"""Delivering what is in the outbox, by webhook and mail, again and again for a day.

Invariant: a row is claimed before anything is sent, so that two workers do not send it both; a
worker that dies after sending may have it sent again, a minute later. Addresses are the operator's
choice, private ones too; no redirect is followed, so nobody else chooses. Nothing here raises for
what a receiver does.
"""

import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.core import mail
from django.db import transaction
from django.db.models import Min, QuerySet
from django.utils import timezone

from cluster_admin.events import webhooks, wording
from cluster_admin.events.models import Notification, NotificationTarget, Topic
from cluster_admin.events.storing import clean
from cluster_admin.inventory.models import NodeStatus

BATCH = 10
"""To one target in a round; together they take less than a claim lasts."""
FAILED_MAX = 5
"""Targets that may fail in a round: others are due too."""
CLAIM = timedelta(minutes=1)
"""A claimed row is taken up again after this long, should its worker have died."""
FIRST_PAUSE = timedelta(seconds=10)
LONGEST_PAUSE = timedelta(hours=1)
GIVEN_UP = timedelta(hours=24)
State = Notification.State
Clock = Callable[[], datetime]
Post = Callable[[str, bytes, dict[str, str]], int]


class UndeliveredError(Exception):
    """Why it was not delivered; a sentence."""


def pause(attempts: int) -> timedelta:
    """How long to wait after so many failed attempts."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * int(2 ** min(max(attempts - 1, 0), 20)))


def deliver(clock: Clock = timezone.now, post: Post = webhooks.post) -> int:
    """Deliver what is due; returns how many were. Each target is tried until it fails once.

    A round may take minutes, so each claim and each end has its own time.
    """
    delivered = failed = 0
    due = _due(clock()).values("target").annotate(since=Min("next_at")).order_by("since")
    for target in list(due.values_list("target", flat=True)):
        problem = ""
        for row in _claimed(target, clock()):
            problem = problem or _deliver_one(row, post)
            delivered += not problem
            _conclude(row, problem, clock())
        failed += bool(problem)
        if failed >= FAILED_MAX:
            break
    return delivered


def _due(now: datetime) -> QuerySet[Notification]:
    return Notification.objects.filter(state=State.PENDING, next_at__lte=now)


def _claimed(target: int, now: datetime) -> list[Notification]:
    with transaction.atomic():
        due = _due(now).filter(target=target).select_related("target").order_by("pk")
        rows = list(due.select_for_update(skip_locked=True, of=("self",))[:BATCH])
        Notification.objects.filter(pk__in=[row.pk for row in rows]).update(next_at=now + CLAIM)
    return rows


def _deliver_one(row: Notification, post: Post) -> str:
    """Deliver; a sentence when that failed."""
    if not row.target.enabled or (row.topic == Topic.DEAD and not _still_dead(row)):
        row.state = State.WITHDRAWN
        return ""
    try:
        if row.target.kind == NotificationTarget.Kind.MAIL:
            _mail(row)
        else:
            _hook(row, post)
    except (UndeliveredError, *webhooks.FAULTS) as error:
        return f"{error}" or type(error).__name__
    row.state = State.SENT
    return ""


def _conclude(row: Notification, problem: str, now: datetime) -> None:
    if problem:
        row.attempts += 1
        row.last_error = clean(problem)
        row.next_at = now + pause(row.attempts)
        if row.next_at - row.created_at > GIVEN_UP:
            row.state = State.FAILED
    elif row.state == State.SENT:
        row.sent_at = now
    row.save(update_fields=["attempts", "last_error", "next_at", "state", "sent_at"])


def _still_dead(row: Notification) -> bool:
    """Whether the node died and is dead; those that came back meanwhile are left out."""
    dead = NodeStatus.objects.filter(node__name__in=row.subjects, verdict=NodeStatus.Verdict.DEAD)
    names = set(dead.values_list("node__name", flat=True))
    row.subjects = [name for name in row.subjects if name in names]
    row.count = len(row.subjects)
    return bool(names)


def _told(row: Notification) -> wording.Told:
    return wording.Told(
        row.topic, row.subcluster, row.node, row.cause, tuple(row.subjects), row.count
    )


def _mail(row: Notification) -> None:
    if not settings.EMAIL_HOST:
        raise UndeliveredError("no mail can be sent: MUSTER_EMAIL_URL is not set")
    told = _told(row)
    time = row.created_at.isoformat(timespec="seconds")
    text = wording.body(told, time, settings.MUSTER_PUBLIC_URL)
    mail.EmailMessage(wording.headline(told), text, to=[row.target.address]).send()


def _hook(row: Notification, post: Post) -> None:
    told = _told(row)
    content = {
        "id": row.pk,
        "topic": row.topic,
        "cluster": settings.MUSTER_CLUSTER,
        "subcluster": row.subcluster,
        "node": row.node,
        "cause": row.cause,
        "subjects": row.subjects,
        "count": row.count,
        "text": wording.headline(told),
        "time": row.created_at.isoformat(timespec="milliseconds"),
        "url": f"{settings.MUSTER_PUBLIC_URL}/",
    }
    data = json.dumps(content).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "muster"}
    if row.target.secret:
        signature = hmac.new(row.target.secret.encode(), data, hashlib.sha256).hexdigest()
        headers["X-Muster-Signature"] = f"sha256={signature}"
    status = post(row.target.address, data, headers)
    if not 200 <= status < 300:
        raise UndeliveredError(f"{row.target.address} answered {status}")
