"""One-time tokens of nodes, and which nodes have an account at the broker.

Of a token and of the attempt it was redeemed with only digests are stored. A token goes with its
node; the row of an account outlives the node, until the broker has the account no more.
"""

from django.db import models
from django.utils import timezone

from cluster_admin.inventory.fields import NAME_LENGTH
from cluster_admin.inventory.models import Node

DIGEST_LENGTH = 64


class JoinToken(models.Model):
    """What makes a host this node, once; works until it expires or a newer one is made."""

    node = models.ForeignKey(Node, models.CASCADE, related_name="join_tokens")
    number = models.CharField(max_length=16, unique=True, editable=False)
    """The part of the token that is no secret: the row is found by it."""
    token_hash = models.CharField(max_length=DIGEST_LENGTH, editable=False)
    """SHA-256 of the whole token, in hexadecimal."""
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(db_index=True)
    attempt = models.CharField(max_length=DIGEST_LENGTH, blank=True)
    """SHA-256 of the attempt that uses it; empty while nobody does."""
    redeemed_at = models.DateTimeField(null=True, blank=True)
    redeemed_from = models.CharField(max_length=45, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    """When a newer token of the node took its place."""

    class Meta:
        """Newest first."""

        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.node} ({self.number})"


class BrokerAccount(models.Model):
    """The account of a node at the broker, as far as the manager answers for it."""

    name = models.CharField(max_length=NAME_LENGTH, unique=True)
    subcluster = models.CharField(max_length=NAME_LENGTH)
    held_at = models.DateTimeField(null=True, blank=True)
    """Since when somebody makes or deletes it at the broker; too long ago: they died at it."""
    gone_since = models.DateTimeField(null=True, blank=True)
    """Since when no node is called so."""

    class Meta:
        """Names in order."""

        ordering = ("name",)

    def __str__(self) -> str:
        return self.name
