"""How fresh what pages show is: the freshest listener's word, and whether it is too old to trust.

One query. Pages, the API and health checks say the same because they all ask here.
"""

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from django.utils import timezone

from cluster_admin.events.models import ListenerStatus

STALE_SECONDS = 3.0
"""A listener writes every second; older than this, pages say since when they are stale."""
NEVER = "no listener has run yet: start `manage.py listen`"
SILENT = "the listener does not answer: start `manage.py listen`"
UNASKED = "the database does not answer"


@dataclass(frozen=True, slots=True)
class Freshness:
    """Until when the manager heard the bus."""

    heard_at: datetime | None
    age_seconds: float | None
    stale: bool
    broker: str
    """One sentence: about the broker, or why nothing is heard."""

    def at(self, now: datetime) -> "Freshness":
        """This word at `now`: it ages while the database does not answer with a newer one."""
        if self.heard_at is None:
            return self
        age = _age(self.heard_at, now)
        if self.stale or age <= STALE_SECONDS:
            return replace(self, age_seconds=age)
        return replace(self, age_seconds=age, stale=True, broker=UNASKED)

    def as_json(self) -> dict[str, Any]:
        """As the API and the live pages say it."""
        heard_at = self.heard_at.isoformat(timespec="milliseconds") if self.heard_at else None
        return asdict(self) | {"heard_at": heard_at}


def freshness(now: datetime | None = None) -> Freshness:
    """Ask the database for the freshest listener."""
    now = now or timezone.now()
    row = ListenerStatus.objects.first()  # the freshest, by the order of the model
    if row is None:
        return Freshness(None, None, True, NEVER)
    heard_at = row.heard_at
    age = None if heard_at is None else _age(heard_at, now)
    gone = (now - row.alive_at).total_seconds() > STALE_SECONDS
    stale = gone or age is None or age > STALE_SECONDS
    return Freshness(heard_at, age, stale, SILENT if gone else row.broker)


def _age(heard_at: datetime, now: datetime) -> float:
    return round(max(0.0, (now - heard_at).total_seconds()), 3)
