"""Adding to the audit trail. A burst of denials is bounded: it fills counters, not the disk.

The same denial or refusal of the same actor and source within `BURST_SECONDS` counts in one row. A
source that is denied many different things gets `BURST_ROWS` rows for them, then one that counts
the rest; only what its caller bounds is `kept` apart. What others wrote is cut to length and freed
of control characters here.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import CharField, F
from django.utils import timezone

from cluster_admin.audit.actor import Actor
from cluster_admin.audit.models import AuditRecord

BURST_SECONDS = 10
BURST_ROWS = 20
SAME = ("actor", "token", "action", "kind", "object", "reason")
REST = "(and others)"
"""Object of the row that counts what a source was denied beyond `BURST_ROWS` rows."""
PRUNE_BATCH = 500
VALUE_LENGTH = 2000
"""Characters kept of one text in before and after."""


def record(
    actor: Actor,
    action: str,
    *,
    kind: str,
    object: str = "",
    subcluster: str = "",
    outcome: str = "done",
    reason: str = "",
    before: Any = None,
    after: Any = None,
    at: datetime | None = None,
    kept: bool = False,
) -> None:
    """Add what was done, or count it in the row of a burst of denials.

    `kept`: it is never counted among the rest; for what somebody looks for, and bounds.
    """
    row = AuditRecord(
        at=at or timezone.now(),
        **_texts(actor=actor.name, source=actor.source, token=actor.token, via=actor.via),
        **_texts(action=action, kind=kind, object=object, subcluster=subcluster),
        **_texts(outcome=outcome, reason=reason),
        before=_clean(before),
        after=_clean(after),
    )
    if outcome == AuditRecord.Outcome.DONE or not _counted(row, kept):
        row.save(force_insert=True)


def prune_attempts(kept: int, batch: int = PRUNE_BATCH) -> int:
    """Delete the oldest denied and refused rows beyond `kept`, at most a batch; how many.

    Anybody can be denied without an account; what was done stays for ever.
    """
    tried = AuditRecord.objects.exclude(outcome=AuditRecord.Outcome.DONE).order_by("-id")
    beyond = list(tried.values_list("pk", flat=True)[kept : kept + batch])
    return AuditRecord.objects.filter(pk__in=beyond).delete()[0] if beyond else 0


def _counted(row: AuditRecord, kept: bool) -> bool:
    """Whether a row of the last seconds counts this too; may rename the row to `REST`."""
    recent = AuditRecord.objects.filter(
        outcome=row.outcome,
        at__gt=row.at - timedelta(seconds=BURST_SECONDS),
        source=row.source,
    )
    same = {name: getattr(row, name) for name in SAME}
    if recent.filter(pk__in=recent.filter(**same)[:1].values("pk")).update(count=F("count") + 1):
        return True
    if kept or recent.count() < BURST_ROWS:
        return False
    row.object, row.before, row.after = REST, None, None
    rest = recent.filter(object=REST)[:1].values("pk")
    return bool(AuditRecord.objects.filter(pk__in=rest).update(count=F("count") + 1))


def _texts(**values: str) -> dict[str, str]:
    found = {}
    for name, value in values.items():
        field = AuditRecord._meta.get_field(name)
        length = field.max_length if isinstance(field, CharField) else None
        found[name] = printable(value)[:length]
    return found


def printable(text: str) -> str:
    """Text as the trail keeps it."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)


def _clean(value: Any) -> Any:
    """A JSON value that every database takes, without endless texts."""
    if isinstance(value, str):
        lines = value[:VALUE_LENGTH].split("\n")
        return "\n".join(map(printable, lines))
    if isinstance(value, dict):
        return {printable(str(key))[:200]: _clean(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(one) for one in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return str(value)[:VALUE_LENGTH]
