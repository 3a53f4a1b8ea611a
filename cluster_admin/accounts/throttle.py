"""Failed logins are counted in the audit trail, and too many of them stop further ones.

The backend is asked by every door (API, pages, admin), so that all share the counts. A name that
is tried from one source too often has to wait there; a source that tries many names waits too; a
name that is tried from everywhere waits everywhere, at a number that costs an attacker more.
"""

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import PermissionDenied
from django.db.models import Q, Sum
from django.http import HttpRequest
from django.utils import timezone

from cluster_admin.accounts.services import source_of
from cluster_admin.audit import services as audit
from cluster_admin.audit.actor import Actor
from cluster_admin.audit.models import AuditRecord

WINDOW = timedelta(minutes=5)
NAME_AND_SOURCE_MAX, SOURCE_MAX, NAME_MAX = 5, 20, 100
KIND = "session"
WRONG = "name or password is wrong"
NAME_LENGTH, PASSWORD_LENGTH = 150, 1024


def must_wait(name: str, source: str, now: datetime | None = None) -> bool:
    """Whether a login has to wait because too many failed; one query."""
    now, name = now or timezone.now(), audit.printable(name)[:NAME_LENGTH]
    failed = AuditRecord.objects.filter(
        outcome="denied", at__gt=now - WINDOW, action="login", kind=KIND, reason=WRONG
    )
    sums = failed.aggregate(
        both=Sum("count", filter=Q(actor=name, source=source)),
        source=Sum("count", filter=Q(source=source)),
        name=Sum("count", filter=Q(actor=name)),
    )
    limits = {"both": NAME_AND_SOURCE_MAX, "source": SOURCE_MAX, "name": NAME_MAX}
    return any((sums[key] or 0) >= limit for key, limit in limits.items())


class Backend(ModelBackend):
    """Name and password; failures are audited and, when there are too many, not even looked at."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **_: Any,
    ) -> Any:
        """The user or None; raises `PermissionDenied` for one that has to wait."""
        if username is None or password is None:
            return None
        name = username[:NAME_LENGTH]
        source = source_of(request) if request is not None else ""
        via = "api" if request is not None and request.path.startswith("/api/") else "admin"
        actor = Actor(name, source, via=via)
        if must_wait(name, source):
            audit.record(
                actor, "login", kind=KIND, outcome="denied", reason="too many failed: has to wait"
            )
            raise PermissionDenied
        plain = name == username and "\0" not in name and len(password) <= PASSWORD_LENGTH
        user = super().authenticate(request, username, password) if plain else None
        if user is None:
            # What `must_wait` counts; it bounds them to about SOURCE_MAX of one source.
            audit.record(actor, "login", kind=KIND, outcome="denied", reason=WRONG, kept=True)
        return user
