"""Rollouts as rows: the whole state of each, and what happened in it.

At most one of a subcluster is under way; `rollout_keeping` alone writes these rows, so that state,
pins of nodes and history agree after every commit. Names are plain text: the history outlives what
it tells of.
"""

import msgspec
from django.db import models
from django.db.models import Q

from cluster_admin.inventory.fields import NAME_LENGTH
from workers.config.core import rollout_values as core

SENTENCE_LENGTH = 1000
REASON_LENGTH = 500
PHASES = [(one.value, one.value.replace("_", " ")) for one in core.Phase]


class Rollout(models.Model):
    """One rollout; it is under way while it has no `ended_at`."""

    subcluster = models.CharField(max_length=NAME_LENGTH, db_index=True)
    revision = models.PositiveBigIntegerField()
    previous = models.PositiveBigIntegerField(default=0)
    """The subcluster's revision before; 0 when it had none."""
    phase = models.CharField(max_length=12, choices=PHASES)
    """As in the state, for questions to the database."""
    state = models.JSONField()
    started_by = models.CharField(max_length=150)
    reason = models.CharField(max_length=REASON_LENGTH, blank=True)
    """Why it was started."""
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        """Newest first."""

        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                fields=("subcluster",), condition=Q(ended_at=None), name="rollout_one_at_a_time"
            ),
        )

    def __str__(self) -> str:
        return f"rollout {self.pk} of r{self.revision} to {self.subcluster}"

    def value(self) -> core.Rollout:
        """The state; a copy, which nothing stores."""
        return msgspec.convert(self.state, core.Rollout)


class RolloutFact(models.Model):
    """Something that happened in a rollout: to a node, or to the whole."""

    rollout = models.ForeignKey(Rollout, models.CASCADE, related_name="facts")
    at = models.DateTimeField()
    node = models.CharField(max_length=NAME_LENGTH, blank=True)
    """Empty: it is about the whole."""
    what = models.CharField(max_length=12)
    """The word of a stage or a phase."""
    sentence = models.CharField(max_length=SENTENCE_LENGTH, blank=True)

    class Meta:
        """In the order in which they happened."""

        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.node or self.rollout_id}: {self.what}"
