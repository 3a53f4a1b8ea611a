"""Which logs a subcluster's nodes ship, and which collectors take them, as rows.

Rules beyond a field are the core's, asked by `Defining.clean`.
"""

from django.db import models

from cluster_admin.inventory.fields import NAME_LENGTH, WORD, plain
from cluster_admin.inventory.models import Defining
from cluster_admin.logs.shipping_models import Shipping  # noqa: F401 (Django finds it here)
from workers.logs.core.definitions import BACKLOG_BYTES, PATH_CHARACTERS


class LogSource(Defining):
    """A log. `path`: absolute, may be a glob; `nodes`: names of those that ship it, none is all."""

    name = models.CharField(max_length=NAME_LENGTH, validators=[WORD])
    path = models.CharField(max_length=PATH_CHARACTERS, validators=[plain])
    nodes = models.JSONField(default=list, blank=True)

    class Meta:
        """A name once per subcluster."""

        ordering = ("subcluster", "name")
        verbose_name = "log source"
        constraints = (models.UniqueConstraint("subcluster", "name", name="log_source_once"),)

    def __str__(self) -> str:
        return self.name


class LogSubscriber(Defining):
    """A collector by name; `backlog_bytes`: what a node keeps for it while it is away."""

    name = models.CharField(max_length=NAME_LENGTH, validators=[WORD])
    backlog_bytes = models.PositiveBigIntegerField(default=BACKLOG_BYTES)

    class Meta:
        """A name once per subcluster; one collector may take the logs of several."""

        ordering = ("subcluster", "name")
        verbose_name = "log subscriber"
        constraints = (models.UniqueConstraint("subcluster", "name", name="log_subscriber_once"),)

    def __str__(self) -> str:
        return self.name
