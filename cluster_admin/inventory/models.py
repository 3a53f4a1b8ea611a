"""What the cluster should be, as rows: an editor and an index of the definitions files.

Invariant: the rows of a subcluster and its newest revision say the same; only
`inventory.services.change` writes rows, so that nothing changes without a revision and an audit
record. Rules beyond a single field are the core's, asked by `clean`. VIPs are in `vips`.
"""

from typing import Any, ClassVar

from django.conf import settings as django_settings
from django.core.exceptions import ValidationError
from django.db import models

from cluster_admin.inventory.fields import NAME_LENGTH, WORD, plain
from workers.failover.core.definitions import AdminState
from workers.failover.core.definitions_rules import KNOB_NAMES


class Subcluster(models.Model):
    """Nodes that share VIPs, and act on one definitions file."""

    name = models.CharField(max_length=NAME_LENGTH, unique=True, validators=[WORD])
    description = models.CharField(max_length=200, blank=True, validators=[plain])
    revision = models.PositiveBigIntegerField(default=0, editable=False)
    """The newest revision; 0 before the first."""
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Names in order."""

        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    @property
    def cluster(self) -> str:
        """Name of the cluster: one manager manages one."""
        return str(django_settings.MUSTER_CLUSTER)


class Segment(models.Model):
    """An L2 segment: hosts that hear one another's ARP. VIPs cannot leave theirs."""

    name = models.CharField(max_length=NAME_LENGTH, unique=True, validators=[WORD])
    description = models.CharField(max_length=200, blank=True, validators=[plain])

    class Meta:
        """Names in order."""

        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Defining(models.Model):
    """A row that is part of its subcluster's definitions."""

    subcluster = models.ForeignKey(Subcluster, models.PROTECT)
    spelled: ClassVar[dict[str, str]] = {}
    """Key in definitions -> the field, where it has another name."""

    class Meta:
        """No table of its own."""

        abstract = True

    def clean(self) -> None:
        """Ask the core whether nodes could act on the definitions with this row in them."""
        super().clean()
        from cluster_admin.inventory import definitions

        if not self.subcluster_id:
            return  # the missing field has its own message
        self._forbid_moving()
        problem = definitions.problem_with(self)
        if problem:
            field, sentence = problem
            field = self.spelled.get(field, field)
            known = {one.name for one in self._meta.fields}
            raise ValidationError({field: sentence} if field in known else sentence)

    def _forbid_moving(self) -> None:
        """A row stays in its subcluster: moving would change two files at once."""
        if self.pk is None:
            return
        model: Any = type(self)
        was = model.objects.filter(pk=self.pk).values_list("subcluster__name", flat=True).first()
        if was and was != self.subcluster.name:
            sentence = f"{self} is in subcluster {was}; remove it there, then add it here"
            raise ValidationError({"subcluster": sentence})


class Topology(Defining):
    """Where the addresses of a network live: interface, witnesses, hosts of interest, segment."""

    segment = models.ForeignKey(Segment, models.PROTECT, null=True, blank=True)
    cidr = models.CharField(max_length=49, verbose_name="network")
    interface = models.CharField(max_length=15)
    witnesses = models.JSONField(default=list, blank=True)
    """Addresses outside the cluster, asked whether the wire works."""
    interest = models.JSONField(default=list, blank=True, verbose_name="hosts of interest")
    """Who is told of a VIP's new owner where not all are."""

    class Meta:
        """A network once per subcluster."""

        ordering = ("subcluster", "cidr")
        verbose_name_plural = "topologies"
        constraints = (models.UniqueConstraint("subcluster", "cidr", name="topology_once"),)

    def __str__(self) -> str:
        return self.cidr


class Node(Defining):
    """A host of a subcluster, and whether an operator wants it to hold VIPs."""

    class Admin(models.TextChoices):
        """What the operator wants."""

        ENABLED = AdminState.ENABLED.value
        DRAINING = AdminState.DRAINING.value
        MAINTENANCE = AdminState.MAINTENANCE.value

    name = models.CharField(max_length=NAME_LENGTH, unique=True)
    address = models.CharField(max_length=45)
    ring_port = models.PositiveIntegerField(default=7411)
    weight = models.PositiveIntegerField(default=1)
    admin_state = models.CharField(max_length=12, choices=Admin.choices, default=Admin.ENABLED)
    segment = models.ForeignKey(Segment, models.PROTECT, null=True, blank=True)
    interfaces = models.JSONField(default=dict, blank=True)
    """CIDR of a topology -> name of the interface on this node, where it differs."""

    class Meta:
        """Names in order."""

        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    @property
    def last_heard(self) -> "NodeStatus":
        """Its state row; one that knows nothing before anything was heard."""
        found: NodeStatus = getattr(self, "status", NOTHING_HEARD)
        return found

    @property
    def wish(self) -> str:
        """What the operator wants, as sentences put it: NODE is ..."""
        maintained = self.admin_state == Node.Admin.MAINTENANCE
        return "in maintenance" if maintained else str(self.admin_state)


class Setting(Defining):
    """A knob of a subcluster that differs from its default."""

    name = models.CharField(max_length=40, choices=[(name, name) for name in KNOB_NAMES])
    value = models.JSONField()

    class Meta:
        """A knob once per subcluster."""

        ordering = ("subcluster", "name")
        constraints = (models.UniqueConstraint("subcluster", "name", name="setting_once"),)

    def __str__(self) -> str:
        return self.name


class Revision(models.Model):
    """A definitions file as it was committed. Written by `repository`, never changed."""

    subcluster = models.ForeignKey(Subcluster, models.CASCADE, related_name="revisions")
    number = models.PositiveBigIntegerField()
    text = models.TextField()
    author = models.CharField(max_length=150)
    comment = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Newest first."""

        ordering = ("subcluster", "-number")
        constraints = (models.UniqueConstraint("subcluster", "number", name="revision_once"),)

    def __str__(self) -> str:
        return f"{self.subcluster.name} r{self.number}"


class NodeStatus(models.Model):
    """How a node is, as last heard by the listener; rows come and go with their nodes."""

    class Verdict(models.TextChoices):
        """Whether the node lives, as the others and the manager judge."""

        ALIVE = "alive"
        SUSPECTED = "suspected"
        DEAD = "dead"
        LEFT = "left"
        UNKNOWN = "unknown"

    node = models.OneToOneField(
        Node, models.CASCADE, primary_key=True, related_name="status", editable=False
    )
    verdict = models.CharField(max_length=10, choices=Verdict.choices, default=Verdict.UNKNOWN)
    state = models.CharField(max_length=16, blank=True)
    objection = models.CharField(max_length=200, blank=True)
    incarnation = models.PositiveBigIntegerField(default=0)
    revision = models.PositiveBigIntegerField(default=0)
    known_revision = models.PositiveBigIntegerField(default=0)
    problem = models.CharField(max_length=1000, blank=True)
    members = models.JSONField(default=list)
    agreed = models.BooleanField(default=False)
    mature = models.BooleanField(default=False)
    late = models.BooleanField(default=False)
    rings = models.JSONField(default=dict)
    warnings = models.JSONField(default=list)
    unhealthy = models.JSONField(default=dict)
    """Health check that fails there -> what it says."""
    refusals = models.JSONField(default=dict)
    """VIP that its kernel cannot have -> why; some of them when they are very many."""
    heard_at = models.DateTimeField(null=True)
    """When the manager last had a report of the node's agent."""
    changed_at = models.DateTimeField(null=True)
    """When verdict or state last changed."""

    class Meta:
        """As its node."""

        verbose_name_plural = "node states"

    def __str__(self) -> str:
        return f"{self.node_id} is {self.verdict}"


NOTHING_HEARD = NodeStatus()
LIVING = (NodeStatus.Verdict.ALIVE, NodeStatus.Verdict.SUSPECTED)
"""Verdicts of nodes that may serve."""
