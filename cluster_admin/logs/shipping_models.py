"""How far each node is with shipping its logs to each subscriber, as it told last."""

from django.db import models

from cluster_admin.inventory.fields import NAME_LENGTH

SENTENCE_LENGTH = 300


class Shipping(models.Model):
    """A node and a subscriber. Bytes and seconds; counts are since the node knows the subscriber.

    Names are plain text: nodes tell of what they know, not of what is defined.
    """

    subcluster = models.CharField(max_length=NAME_LENGTH)
    node = models.CharField(max_length=NAME_LENGTH)
    subscriber = models.CharField(max_length=NAME_LENGTH)
    connected = models.BooleanField(default=False)
    """Whether the node has a broker that takes its logs."""
    on_disk_bytes = models.PositiveBigIntegerField(default=0)
    """What the files that are shipped take on the node's disk."""
    backlog_bytes = models.PositiveBigIntegerField(default=0)
    backlog_seconds = models.FloatField(default=0)
    """The age of the oldest line that the subscriber has not got."""
    in_flight_bytes = models.PositiveBigIntegerField(default=0)
    dropped_bytes = models.PositiveBigIntegerField(default=0)
    lost_bytes = models.PositiveBigIntegerField(default=0)
    duplicates = models.PositiveBigIntegerField(default=0)
    files = models.JSONField(default=list)
    """Each with name, path, size, kept and lag_seconds; of very many those furthest behind."""
    more_files = models.PositiveBigIntegerField(default=0)
    alarm = models.CharField(max_length=SENTENCE_LENGTH, blank=True)
    """What is wrong with the backlog; empty: nothing."""
    drop_told_bytes = models.PositiveBigIntegerField(default=0)
    """Of `dropped_bytes`, how many people were told of."""
    drop_told_at = models.DateTimeField(null=True)
    heard_at = models.DateTimeField()

    class Meta:
        """Names in order."""

        ordering = ("node", "subscriber")
        constraints = (
            models.UniqueConstraint(fields=("node", "subscriber"), name="shipping_once"),
        )
        verbose_name_plural = "shipping"

    def __str__(self) -> str:
        return f"{self.node} to {self.subscriber}"
