"""Changes that wait for another person's word, and where they have to.

A proposal holds its whole change, packed, until it is decided and for a year after at most: of the
decided ones the newest stay, as many as `proposal_deciding.prune` says. It and `submitting` alone
write these rows.
"""

from django.conf import settings
from django.db import models
from django.db.models import Q

from cluster_admin.inventory.fields import NAME_LENGTH
from workers.repository.core.messages import KEY_BYTES

USERNAME_LENGTH = 150
COMMENT_LENGTH = 2_000


class ReviewRule(models.Model):
    """The four-eyes rule of one directory at the top: a subcluster's, or `global`."""

    place = models.CharField(
        max_length=NAME_LENGTH, unique=True, help_text="Name of a subcluster, or global."
    )
    required = models.BooleanField(
        default=True, help_text="Another person approves each commit of files there."
    )
    definitions = models.BooleanField(
        default=False,
        help_text="Nodes, VIPs, topologies and settings change by approved proposals alone, too.",
    )

    class Meta:
        """By name."""

        ordering = ("place",)

    def __str__(self) -> str:
        return self.place


class Proposal(models.Model):
    """A change that somebody wants committed; its number is its key."""

    class State(models.TextChoices):
        """Open, or how it ended."""

        OPEN = "open"
        APPROVED = "approved"
        REJECTED = "rejected"
        WITHDRAWN = "withdrawn"
        FAILED = "failed"

    author = models.CharField(max_length=USERNAME_LENGTH)
    """As the account was called."""
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    """The author's; accounts can be renamed, and are compared by this."""
    message = models.TextField()
    base = models.PositiveBigIntegerField()
    """The revision that the change was made to."""
    packed = models.BinaryField()
    """The change, as `proposal_packing` writes it."""
    files = models.PositiveIntegerField()
    size = models.PositiveBigIntegerField()
    """Bytes of all contents."""
    state = models.CharField(max_length=9, choices=State.choices, default=State.OPEN)
    created_at = models.DateTimeField()
    key = models.CharField(max_length=KEY_BYTES, unique=True)
    """Of the commit that an approval makes: it makes one, however often it dies on the way."""
    asked_key = models.CharField(max_length=KEY_BYTES, blank=True)
    """What its author sent, so that the same request proposes once; empty: nothing."""
    decided_by = models.CharField(max_length=USERNAME_LENGTH, blank=True)
    decided_at = models.DateTimeField(null=True)
    comment = models.TextField(blank=True, max_length=COMMENT_LENGTH)
    """Of whoever decided."""
    revision = models.PositiveBigIntegerField(null=True)
    """What the approval made."""

    class Meta:
        """Newest first."""

        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                fields=("author", "asked_key"),
                condition=~Q(asked_key=""),
                name="proposal_once",
            ),
        )
        indexes = (models.Index(fields=("state", "-id"), name="proposal_state"),)

    def __str__(self) -> str:
        return f"proposal {self.pk}"

    @property
    def number(self) -> int:
        """What people call it by."""
        return int(self.pk)

    @property
    def title(self) -> str:
        """The first line of its message."""
        return str(self.message).partition("\n")[0]

    def tops(self) -> set[str]:
        """Names of the subclusters that it touches, and `global`."""
        return {row.name for row in self.places.all()}


class ProposalPlace(models.Model):
    """A directory at the top that a proposal touches: who may not read it does not see the rest."""

    proposal = models.ForeignKey(Proposal, models.CASCADE, related_name="places")
    name = models.CharField(max_length=NAME_LENGTH, db_index=True)

    class Meta:
        """Each once."""

        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(fields=("proposal", "name"), name="proposal_place_once"),
        )

    def __str__(self) -> str:
        return self.name
