"""What happened, how far each node's story is known, how the listener is, and who is told.

Names are plain text, no foreign keys: history outlives definitions. Invariant: an event is stored
once, and a `Cursor` says that every event up to `through` is here, or known to be lost. Only the
listener and the tasks write here; people write targets of notifications.
"""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from cluster_admin.events.addresses import problem_with_mail, problem_with_webhook
from cluster_admin.events.moves import Way, way
from cluster_admin.inventory.fields import NAME_LENGTH, plain
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
        HEALTH = FactKind.HEALTH.value
        REPAIRED = FactKind.REPAIRED.value
        HOOK = FactKind.HOOK.value
        UNSAFE = "unsafe"
        """Told by the manager: two living nodes have the VIP, or some node could not take it."""
        SAFE = "safe"
        """Told by the manager: no longer so."""
        HISTORIES = "histories"
        """Told by the manager: a node's configuration has revisions that the manager lacks."""
        BACKLOG = "backlog"
        """Told by the manager: logs pile up on a node, for a subscriber."""
        CAUGHT_UP = "caught_up"
        """Told by the manager: no longer so."""
        DROPPED = "dropped"
        """Told by the manager: a node gave up logs for a subscriber, since its backlog was full."""
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
    actor = models.CharField(max_length=16, blank=True)
    """Who or what moved the VIP, as `Actor` says it; nodes of another version may say others."""
    view = models.CharField(max_length=64, blank=True)
    """Hash of the members that the teller saw."""
    gap_ms = models.FloatField(null=True)
    """How long nobody served the VIP, as its new owner knows; None: unknown."""
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
            models.Index(fields=("peer", "-id"), name="event_peer"),
            models.Index(fields=("kind", "-id"), name="event_kind"),
            models.Index(fields=("actor", "-id"), name="event_actor"),
            models.Index(fields=("subcluster", "-id"), name="event_subcluster"),
        )

    def __str__(self) -> str:
        return " ".join(filter(None, (self.node, self.kind, self.vip, self.peer)))

    @property
    def way(self) -> Way:
        """From where to where the VIP went."""
        return way(self.kind, self.node, self.peer)


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


class Topic(models.TextChoices):
    """What people can be told of."""

    MOVED = "moved", "a VIP moved to another node"
    UNSAFE = "unsafe", "two living nodes have a VIP, or some node could not take it"
    CONFLICT = "conflict", "two nodes claimed a VIP; the lower claim lets go"
    STUCK = "stuck", "a silent node still answers for a VIP"
    FOREIGN = "foreign", "a stranger answers for a VIP"
    DEAD = "dead", "a node is dead"
    HISTORIES = "histories", "a node has revisions of the configuration that the manager lacks"
    BACKLOG = "backlog", "logs pile up on a node, since a subscriber does not get them"
    DROPPED = "dropped", "a node gave up logs, since the backlog of a subscriber was full"


def every_topic() -> list[str]:
    """What a new target is told of."""
    return list(Topic.values)


class NotificationTarget(models.Model):
    """Somebody who is told: a webhook or a mail address."""

    class Kind(models.TextChoices):
        """How."""

        WEBHOOK = "webhook"
        MAIL = "mail"

    kind = models.CharField(max_length=10, choices=Kind.choices)
    address = models.CharField(max_length=500, validators=[plain])
    """A URL or a mail address. Private addresses are allowed: whoever may write targets may
    reach whatever the manager's host reaches, and that is the operator's choice."""
    subcluster = models.CharField(max_length=NAME_LENGTH, blank=True, validators=[plain])
    """Only of this one; empty: of all."""
    kinds = models.JSONField(default=every_topic)
    """Topics, a list."""
    enabled = models.BooleanField(default=True)
    secret = models.CharField(max_length=200, blank=True, validators=[plain])
    """Signs what a webhook gets (HMAC-SHA256 of the body); never shown again."""

    class Meta:
        """Once for each address and subcluster."""

        ordering = ("kind", "address", "subcluster")
        constraints = (
            models.UniqueConstraint(
                fields=("kind", "address", "subcluster"), name="notification_target_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.address}"

    def clean(self) -> None:
        """Addresses that can be used, topics that exist."""
        super().clean()
        mail = self.kind == self.Kind.MAIL
        problem = (problem_with_mail if mail else problem_with_webhook)(self.address)
        if problem:
            raise ValidationError({"address": problem})
        if not _topics(self.kinds):
            way = f"write a list of some of {', '.join(Topic.values)}"
            raise ValidationError({"kinds": f"{self.kinds!r} are no topics; {way}"})


def _topics(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(one in Topic.values for one in value)


class Notification(models.Model):
    """Something that a target is told, or will be; written with the event that it is about."""

    class State(models.TextChoices):
        """What became of it."""

        PENDING = "pending"
        SENT = "sent"
        FAILED = "failed"
        WITHDRAWN = "withdrawn"
        """No longer true before it was told."""

    event = models.ForeignKey(Event, models.DO_NOTHING, db_constraint=False, related_name="+")
    """The first it is about; it may be gone from the history."""
    target = models.ForeignKey(NotificationTarget, models.CASCADE)
    topic = models.CharField(max_length=10, choices=Topic.choices)
    subcluster = models.CharField(max_length=NAME_LENGTH)
    node = models.CharField(max_length=NAME_LENGTH, blank=True)
    """Where the VIPs went."""
    cause = models.CharField(max_length=200, blank=True)
    subjects = models.JSONField(default=list)
    """The VIPs or nodes it is about, some of them if they are very many."""
    count = models.PositiveIntegerField(default=1)
    """How many they are."""
    created_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField()
    last_error = models.CharField(max_length=SENTENCE_LENGTH, blank=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        """Newest first."""

        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(fields=("event", "target"), name="notification_once"),
        )
        indexes = (models.Index(fields=("state", "next_at"), name="notification_due"),)

    def __str__(self) -> str:
        return f"{self.topic} to {self.target}"
