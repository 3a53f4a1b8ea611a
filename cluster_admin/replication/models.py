"""Replicated tables, limits and their exemptions as rows, and how a subcluster goes on cut off.

Rules beyond a field are the core's, asked by `Defining.clean`. What tables hold is in no database.
"""

from enum import StrEnum

from django.db import models

from cluster_admin.inventory.fields import NAME_LENGTH, WORD, plain
from cluster_admin.inventory.models import Defining, Subcluster
from workers.replication.core.definitions import (
    KEY_CHARACTERS,
    TEXT_CHARACTERS,
    Action,
    CutOff,
    Per,
    Scope,
    Subject,
    TableType,
)

WORD_LENGTH = 40


def _words(words: type[StrEnum]) -> list[tuple[str, str]]:
    return [(one.value, one.value) for one in words]


class ReplicatedTable(Defining):
    """A table that nodes share; `parameters`: `window` or `ttl`, in seconds, as texts."""

    name = models.CharField(max_length=NAME_LENGTH, validators=[WORD])
    type = models.CharField(max_length=WORD_LENGTH, choices=_words(TableType))
    parameters = models.JSONField(default=dict, blank=True)
    max_delay = models.FloatField(default=1.0)
    """Seconds after which peers are told of a change."""
    max_pending = models.PositiveBigIntegerField(default=100)
    """Changes after which they are told at once."""
    max_size = models.PositiveBigIntegerField(default=1_000_000)
    """Keys; beyond it the least recently used go."""
    binding_group = models.CharField(max_length=TEXT_CHARACTERS, blank=True, validators=[plain])
    table_class = models.CharField(
        max_length=TEXT_CHARACTERS, blank=True, validators=[plain], verbose_name="class"
    )
    snapshot = models.BooleanField(default=True)
    """Whether a node that joins gets it whole."""
    scope = models.CharField(
        max_length=WORD_LENGTH,
        choices=_words(Scope),
        default=Scope.SUBCLUSTER.value,
    )

    class Meta:
        """A name once per subcluster."""

        ordering = ("subcluster", "name")
        verbose_name = "replicated table"
        constraints = (models.UniqueConstraint("subcluster", "name", name="shared_table_once"),)

    def __str__(self) -> str:
        return self.name


class TrafficLimit(Defining):
    """At most `most` within `window` seconds (at a time where it is 0), for each `per` apart."""

    name = models.CharField(max_length=NAME_LENGTH, validators=[WORD])
    subject = models.CharField(max_length=WORD_LENGTH, choices=_words(Subject))
    per = models.CharField(max_length=WORD_LENGTH, choices=_words(Per))
    most = models.PositiveBigIntegerField()
    window = models.FloatField(default=0.0)
    prefix_v4 = models.PositiveSmallIntegerField(default=32, verbose_name="IPv4 prefix")
    prefix_v6 = models.PositiveSmallIntegerField(default=64, verbose_name="IPv6 prefix")
    match = models.CharField(max_length=KEY_CHARACTERS, blank=True, validators=[plain])
    binding = models.CharField(max_length=KEY_CHARACTERS, blank=True, validators=[plain])
    host = models.CharField(max_length=KEY_CHARACTERS, blank=True, validators=[plain])
    domain = models.CharField(max_length=KEY_CHARACTERS, blank=True, validators=[plain])
    stage = models.CharField(max_length=WORD_LENGTH, blank=True, validators=[plain])
    action = models.CharField(
        max_length=WORD_LENGTH, choices=_words(Action), default=Action.DEFER.value
    )
    message = models.CharField(max_length=TEXT_CHARACTERS, blank=True, validators=[plain])
    test = models.BooleanField(default=False, verbose_name="only say what it would refuse")
    throttle = models.CharField(max_length=NAME_LENGTH, blank=True, validators=[plain])
    enabled = models.BooleanField(default=True)

    class Meta:
        """A name once per subcluster."""

        ordering = ("subcluster", "name")
        verbose_name = "limit"
        constraints = (models.UniqueConstraint("subcluster", "name", name="limit_once"),)

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """A window has as many decimals as the file can say."""
        if isinstance(self.window, int | float):
            self.window = round(self.window, 6)
        super().clean()


class LimitExemption(Defining):
    """`key` has another `most` in a limit, or in every one (`limit` empty); none: no limit."""

    name = models.CharField(max_length=NAME_LENGTH, validators=[WORD])
    limit = models.CharField(max_length=NAME_LENGTH, blank=True, validators=[plain])
    key = models.CharField(max_length=KEY_CHARACTERS, validators=[plain])
    most = models.PositiveBigIntegerField(null=True, blank=True)

    class Meta:
        """A name once per subcluster."""

        ordering = ("subcluster", "name")
        verbose_name = "exemption"
        constraints = (models.UniqueConstraint("subcluster", "name", name="exemption_once"),)

    def __str__(self) -> str:
        return self.name


class Limiting(Defining):
    """What holds for all limits of a subcluster; no row: nodes cut off have their share."""

    subcluster = models.ForeignKey(Subcluster, models.CASCADE)
    """Goes with it: nobody removes such a row by itself."""
    cut_off = models.CharField(
        max_length=WORD_LENGTH, choices=_words(CutOff), default=CutOff.SHARE.value
    )
    test = models.BooleanField(default=False, verbose_name="only say what limits would refuse")

    class Meta:
        """One at most per subcluster."""

        verbose_name = "limiting"
        verbose_name_plural = "limiting"
        constraints = (models.UniqueConstraint("subcluster", name="limiting_once"),)

    def __str__(self) -> str:
        return f"limiting of {self.subcluster.name}"
