"""What happened, how far each node's story is known, and how the listener is.

Names are plain text, no foreign keys: history outlives definitions. Invariant: an event is stored
once, and a `Cursor` says that every event up to `through` is here, or known to be lost. Only the
listener and the retention task write here.
"""

from django.db import models

from cluster_admin.inventory.fields import NAME_LENGTH
from workers.failover.core.actions import FactKind

SENTENCE_LENGTH = 1000


class Event(models.Model):
    """One thing that happened; its id grows with the order in which managers learned of it."""

    class Kind(models.TextChoices):
        """What a node tells, and below what only a manager can know."""

        STATE = FactKind.STATE.value
        ALIVE = FactKind.ALIVE.value
        SUSPECTED = FactKind.SUSPECTED.value
        DEAD = FactKind.DEAD.value
        LEFT = FactKind.LEFT.value
        VIEW = FactKind.VIEW.value
        TAKEN = FactKind.TAKEN.value
        ADOPTED = FactKind.ADOPTED.value
        RELEASED = FactKind.RELEASED.value
        LOST = FactKind.LOST.value
        FAILED = FactKind.FAILED.value
        CONFLICT = FactKind.CONFLICT.value
        STUCK = FactKind.STUCK.value
        FOREIGN = FactKind.FOREIGN.value
        LATE = FactKind.LATE.value
        DEFINITIONS = FactKind.DEFINITIONS.value
        UNSAFE = "unsafe"
        """Told by the manager: more than one living node has the VIP."""
        SAFE = "safe"
        """Told by the manager: no longer so."""
        MISSING = "missing"
        """Stands for events that the node can no longer tell; `detail` says how many."""

    subcluster = models.CharField(max_length=NAME_LENGTH)
    node = models.CharField(max_length=NAME_LENGTH)
    """Who tells; `manager` for what only a manager can know."""
    incarnation = models.PositiveBigIntegerField()
    number = models.PositiveBigIntegerField()
    time = models.DateTimeField(db_index=True)
    """By the teller's clock."""
    kind = models.CharField(max_length=32)
    """Nodes of another version may tell kinds that are not in `Kind`."""
    vip = models.CharField(max_length=45, blank=True)
    peer = models.CharField(max_length=NAME_LENGTH, blank=True)
    reason = models.CharField(max_length=SENTENCE_LENGTH, blank=True)
    epoch = models.PositiveBigIntegerField(default=0)
    detail = models.CharField(max_length=SENTENCE_LENGTH, blank=True)
    received_at = models.DateTimeField()

    class Meta:
        """Newest first."""

        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                fields=("subcluster", "node", "incarnation", "number"), name="event_once"
            ),
        )
        indexes = (
            models.Index(fields=("vip", "-id"), name="event_vip"),
            models.Index(fields=("node", "-id"), name="event_node"),
            models.Index(fields=("kind", "-id"), name="event_kind"),
            models.Index(fields=("subcluster", "-id"), name="event_subcluster"),
        )

    def __str__(self) -> str:
        return " ".join(filter(None, (self.node, self.kind, self.vip, self.peer)))


class Cursor(models.Model):
    """Every event of this run of a node's agent up to `through` is here, or known to be lost."""

    subcluster = models.CharField(max_length=NAME_LENGTH)
    node = models.CharField(max_length=NAME_LENGTH)
    incarnation = models.PositiveBigIntegerField()
    through = models.PositiveBigIntegerField(default=0)
    moved_at = models.DateTimeField()

    class Meta:
        """One for each run."""

        constraints = (
            models.UniqueConstraint(
                fields=("subcluster", "node", "incarnation"), name="cursor_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.node} run {self.incarnation} through {self.through}"


class ListenerStatus(models.Model):
    """How a listener is; one row for each manager host. Pages are stale when none is fresh."""

    name = models.CharField(max_length=255, unique=True)
    """The host it runs on."""
    started_at = models.DateTimeField()
    alive_at = models.DateTimeField()
    """When it last wrote this row; it does every second."""
    heard_at = models.DateTimeField(null=True)
    """Until when it was connected to a broker: what pages show is as old as this."""
    connected = models.BooleanField(default=False)
    broker = models.CharField(max_length=SENTENCE_LENGTH, blank=True)
    """One sentence about the connection."""
    refused = models.PositiveBigIntegerField(default=0)
    """Messages that were not taken since the start: badly signed, or in another's name."""

    class Meta:
        """The freshest first."""

        ordering = (models.F("heard_at").desc(nulls_last=True),)
        verbose_name_plural = "listener states"

    def __str__(self) -> str:
        return f"{self.name}: {self.broker}"
