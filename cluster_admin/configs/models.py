"""The index of the configuration repository, and how every node stands to it.

Revisions are git's, and can be made anew from it (`index`). What nodes told is kept by their names,
without foreign keys: a node that left the definitions may still tell how it is.
"""

from django.db import models

from cluster_admin.configs import (  # noqa: F401 (Django finds them here)
    conflict_models,
    proposal_models,
    rollout_models,
)
from cluster_admin.inventory.fields import NAME_LENGTH
from cluster_admin.inventory.models import Subcluster
from workers.repository.core.messages import KEY_BYTES, NAME_BYTES

SENTENCE_LENGTH = 1000
HASH_LENGTH = 64
KEY_LENGTH = 32


class Revision(models.Model):
    """A revision of the whole repository; written by `index` alone."""

    number = models.PositiveBigIntegerField(unique=True)
    commit = models.CharField(max_length=40, unique=True)
    """Hexadecimal."""
    author = models.CharField(max_length=NAME_BYTES)
    email = models.CharField(max_length=NAME_BYTES)
    message = models.TextField()
    at = models.DateTimeField()
    """By the manager's clock."""
    key = models.CharField(max_length=KEY_BYTES, blank=True, db_index=True)
    """What made the commit idempotent."""

    class Meta:
        """Newest first."""

        ordering = ("-number",)

    def __str__(self) -> str:
        return f"r{self.number}"


class Deployment(models.Model):
    """Which revision shall be live on a subcluster's nodes; without a row: each commit at once."""

    class Mode(models.TextChoices):
        """Whether commits are deployed by themselves."""

        FOLLOW = "follow"
        MANUAL = "manual"

    subcluster = models.OneToOneField(Subcluster, models.CASCADE, related_name="deployment")
    revision = models.PositiveBigIntegerField(default=0)
    """0: what is live stays. In the mode `follow` the newest revision counts instead."""
    mode = models.CharField(max_length=6, choices=Mode.choices, default=Mode.FOLLOW)

    def __str__(self) -> str:
        return f"{self.subcluster} {self.mode} r{self.revision}"


class Replica(models.Model):
    """How a node stands, as it told last; what each value means is `Standing`'s."""

    node = models.CharField(max_length=NAME_LENGTH, unique=True)
    subcluster = models.CharField(max_length=NAME_LENGTH, db_index=True)
    started_at = models.CharField(max_length=40, blank=True)
    """Names the run of its worker; `sequence` counts what it told since."""
    sequence = models.PositiveBigIntegerField(default=0)
    number = models.PositiveBigIntegerField(default=0)
    """The newest revision of its replica; 0 and no `commit` when it is empty."""
    commit = models.CharField(max_length=40, blank=True)
    heard_at = models.DateTimeField(null=True)
    live = models.PositiveBigIntegerField(default=0)
    live_hash = models.CharField(max_length=HASH_LENGTH, blank=True)
    target = models.PositiveBigIntegerField(default=0)
    busy = models.BooleanField(default=False)
    drift = models.JSONField(default=list)
    """Some of the paths that differ from what was applied; `drift_count` counts all."""
    drift_count = models.PositiveIntegerField(default=0)
    autoupdate = models.CharField(max_length=16, blank=True)
    trouble = models.CharField(max_length=SENTENCE_LENGTH, blank=True)
    """Why its replica or its live tree cannot be used; empty: nothing is wrong."""
    histories = models.BooleanField(default=False)
    """Whether it can tell its history, and give it up."""
    repaired = models.CharField(max_length=SENTENCE_LENGTH, blank=True)
    """Why it put a damaged replica aside, and fetches one anew; empty: it did not."""
    wanted = models.PositiveBigIntegerField(default=0)
    """The target of the newest order that was sent to it."""
    wish = models.PositiveBigIntegerField(default=0)
    """What an operator asked of this node and no report has answered; 0: nothing. See `wishes`."""
    wish_revision = models.PositiveBigIntegerField(default=0)
    wish_over_edits = models.BooleanField(default=False)
    known_wish = models.PositiveBigIntegerField(default=0)
    """The newest wish that it knows of."""
    refused = models.PositiveIntegerField(default=0)
    """Tasks that its run threw away since no manager had signed them."""
    ordered_at = models.DateTimeField(null=True)

    class Meta:
        """Names in order."""

        ordering = ("node",)

    def __str__(self) -> str:
        return f"{self.node} has r{self.number}, r{self.live} live"


class Application(models.Model):
    """One application of a tree, as its node told it; only the newest are kept."""

    node = models.CharField(max_length=NAME_LENGTH)
    subcluster = models.CharField(max_length=NAME_LENGTH)
    at = models.DateTimeField()
    revision = models.PositiveBigIntegerField()
    outcome = models.CharField(max_length=16)
    step = models.CharField(max_length=16, blank=True)
    """The step that failed."""
    sentence = models.CharField(max_length=SENTENCE_LENGTH, blank=True)
    output = models.TextField(blank=True)
    """What the programs of the step wrote, its end."""
    seconds = models.JSONField(default=dict)
    """Step -> how long it took."""
    live = models.PositiveBigIntegerField(default=0)
    """The revision that was live afterwards."""
    resumed = models.BooleanField(default=False)
    """Whether it was finished by another process than the one that began it."""
    started_at = models.CharField(max_length=40, blank=True)
    sequence = models.PositiveBigIntegerField(default=0)
    """Which of the things that a run of the worker told this is: told twice, it is kept once."""
    key = models.CharField(max_length=KEY_LENGTH, blank=True)
    """Names the application, also when another run tells of it; empty: it was not begun."""

    class Meta:
        """Newest first."""

        ordering = ("-id",)
        indexes = (models.Index(fields=("node", "-id"), name="application_node"),)
        constraints = (
            models.UniqueConstraint(
                fields=("node", "started_at", "sequence"),
                condition=models.Q(sequence__gt=0),
                name="application_once",
            ),
            models.UniqueConstraint(
                fields=("node", "key", "outcome"),
                condition=~models.Q(key=""),
                name="application_told_once",
            ),
        )

    def __str__(self) -> str:
        return f"{self.node} r{self.revision} {self.outcome}"


class Edit(models.Model):
    """A file of a node's running configuration that somebody edited there, as the node told."""

    node = models.CharField(max_length=NAME_LENGTH)
    subcluster = models.CharField(max_length=NAME_LENGTH)
    path = models.CharField(max_length=1024)
    content = models.BinaryField(null=True)
    """None: it was deleted."""
    live = models.PositiveBigIntegerField()
    """The revision that was live under the edit."""
    at = models.DateTimeField()
    executable = models.BooleanField(default=False)

    class Meta:
        """A file once on each node."""

        ordering = ("node", "path")
        constraints = (models.UniqueConstraint(fields=("node", "path"), name="edit_once"),)

    def __str__(self) -> str:
        return f"{self.node} {self.path}"
