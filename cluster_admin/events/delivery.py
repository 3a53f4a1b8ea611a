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
from itertools import groupby

import httpx
from django.conf import settings
from django.core import mail
from django.db import transaction

from cluster_admin.events import wording
from cluster_admin.events.models import Notification, NotificationTarget, Topic
from cluster_admin.events.storing import clean
from cluster_admin.inventory.models import NodeStatus

TIMEOUT_SECONDS = 5.0
BATCH = 50
CLAIM = timedelta(minutes=1)
"""A claimed row is taken up again after this long, should its worker have died."""
FIRST_PAUSE = timedelta(seconds=10)
LONGEST_PAUSE = timedelta(hours=1)
GIVEN_UP = timedelta(hours=24)
State = Notification.State
Post = Callable[[str, bytes, dict[str, str]], int]


class UndeliveredError(Exception):
    """Why it was not delivered; a sentence."""


def pause(attempts: int) -> timedelta:
    """How long to wait after so many failed attempts."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * int(2 ** min(max(attempts - 1, 0), 20)))


def deliver(now: datetime, post: Post | None = None) -> int:
    """Deliver what is due; returns how many were. Each target is tried until it fails once."""
    delivered = 0
    for _, rows in groupby(_claimed(now), key=lambda row: row.target_id):
        problem = ""
        for row in rows:
            problem = problem or _deliver_one(row, post or _post)
            if not problem:
                delivered += 1
            _conclude(row, problem, now)
    return delivered


def _claimed(now: datetime) -> list[Notification]:
    with transaction.atomic():
        due = Notification.objects.filter(state=State.PENDING, next_at__lte=now)
        due = due.select_for_update(skip_locked=True, of=("self",)).order_by("next_at")[:BATCH]
        rows = sorted(due.select_related("target"), key=lambda row: (row.target_id, row.pk))
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
    except (UndeliveredError, OSError, httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
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


def _post(url: str, data: bytes, headers: dict[str, str]) -> int:
    """Post, without reading what is answered; returns the status."""
    with (
        httpx.Client(timeout=TIMEOUT_SECONDS, follow_redirects=False) as client,
        client.stream("POST", url, content=data, headers=headers) as answer,
    ):
        return answer.status_code
