"""The audit trail: one row for each change and each denied attempt.

What was done is never removed; of what was only tried, the newest are kept. Names are plain text,
no foreign keys: the trail outlives what it tells of. A burst of the same denied attempt is one row
that counts. Who adds rows is `audit.services`.
"""

from django.db import models
from django.utils import timezone


class AuditRecord(models.Model):
    """Who did, or tried, what to which object, and how it went."""

    class Via(models.TextChoices):
        """Through which door."""

        ADMIN = "admin", "admin"
        API = "api", "API"
        SYSTEM = "system", "system"

    class Outcome(models.TextChoices):
        """Done; denied: the actor may not; refused: nobody may, it would not work."""

        DONE = "done", "done"
        DENIED = "denied", "denied"
        REFUSED = "refused", "refused"

    at = models.DateTimeField(default=timezone.now, db_index=True)
    actor = models.CharField(max_length=150, db_index=True)
    source = models.CharField(max_length=45, blank=True)
    token = models.CharField(max_length=100, blank=True)
    via = models.CharField(max_length=10, choices=Via.choices)
    action = models.CharField(max_length=40)
    kind = models.CharField(max_length=40)
    object = models.CharField(max_length=255, blank=True)
    subcluster = models.CharField(max_length=63, blank=True, db_index=True)
    outcome = models.CharField(max_length=10, choices=Outcome.choices, default=Outcome.DONE)
    reason = models.CharField(max_length=1000, blank=True)
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)
    count = models.PositiveIntegerField(default=1)
    """How many times, when the same was denied again and again within seconds."""

    class Meta:
        """Newest first."""

        ordering = ("-id",)
        indexes = (
            models.Index(fields=("kind", "object"), name="audit_object"),
            models.Index(fields=("outcome", "at"), name="audit_outcome"),
        )

    def __str__(self) -> str:
        return f"{self.actor}: {self.action} {self.kind} {self.object} ({self.outcome})"
