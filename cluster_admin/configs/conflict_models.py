"""Nodes whose history stands against the manager's, and messages that were not taken."""

from django.db import models

from cluster_admin.configs.conflict_rules import State
from cluster_admin.inventory.fields import NAME_LENGTH

SENTENCE_LENGTH = 1000


class Conflict(models.Model):
    """A node whose replica has revisions that the manager's history lacks, until that is over."""

    node = models.CharField(max_length=NAME_LENGTH, unique=True)
    subcluster = models.CharField(max_length=NAME_LENGTH)
    number = models.PositiveBigIntegerField()
    """Of its newest revision, in its own history."""
    commit = models.CharField(max_length=40)
    state = models.CharField(
        max_length=12, choices=[(one.value, one.value) for one in State], default=State.OPEN.value
    )
    seen_at = models.DateTimeField()
    """When it was first told."""
    trouble = models.CharField(max_length=SENTENCE_LENGTH, blank=True)
    """Why its history could not be fetched; empty: it was, or will be."""

    class Meta:
        """Names in order."""

        ordering = ("node",)

    def __str__(self) -> str:
        return f"{self.node} r{self.number} {self.state}"


class RefusedMessages(models.Model):
    """How many messages about configuration were not taken, by who sent them; for ever."""

    sender = models.CharField(max_length=NAME_LENGTH, unique=True)
    """The account, as the broker vouches for it; empty: somebody without a name, or of many."""
    count = models.PositiveBigIntegerField(default=0)
    newest_at = models.DateTimeField()

    class Meta:
        """Names in order."""

        ordering = ("sender",)

    def __str__(self) -> str:
        return f"{self.sender or 'nobody'}: {self.count}"
