"""The shapes of the inventory in the API: what may be sent, what is answered."""

from typing import ClassVar

from rest_framework import serializers

from cluster_admin.inventory.fields import NAME_LENGTH
from cluster_admin.inventory.models import Node, NodeStatus, Segment, Subcluster
from cluster_admin.rest.fields import Choice, Named, Strict, Text, TextMap, Texts, Whole


class SubclusterSerializer(Strict):
    """Nodes that share VIPs."""

    name = Text(max_length=NAME_LENGTH)
    description = Text(max_length=200, allow_blank=True, default="")
    revision = serializers.IntegerField(read_only=True)
    nodes = serializers.IntegerField(read_only=True)
    vips = serializers.IntegerField(read_only=True)
    fixed: ClassVar[tuple[str, ...]] = ("name",)


class SegmentSerializer(Strict):
    """Hosts that hear one another's ARP."""

    name = Text(max_length=NAME_LENGTH)
    description = Text(max_length=200, allow_blank=True, default="")
    fixed: ClassVar[tuple[str, ...]] = ("name",)


class DefiningSerializer(Strict):
    """A row in a subcluster."""

    subcluster = Named(slug_field="name", queryset=Subcluster.objects.all())
    fixed: ClassVar[tuple[str, ...]] = ("subcluster",)


class TopologySerializer(DefiningSerializer):
    """Where the addresses of a network live."""

    id = serializers.IntegerField(read_only=True)
    cidr = Text(max_length=49)
    interface = Text(max_length=15)
    witnesses = Texts(each=45, default=list, max_length=100)
    interest = Texts(
        each=45,
        default=list,
        max_length=64,
        help_text="Hosts of interest: told of a VIP's new owner when announce_to is interest.",
    )
    segment = Named(
        slug_field="name", queryset=Segment.objects.all(), allow_null=True, default=None
    )


class NodeStatusSerializer(serializers.Serializer):
    """How a node is, as the manager last heard."""

    verdict = serializers.ChoiceField(choices=NodeStatus.Verdict.choices)
    state = serializers.CharField()
    objection = serializers.CharField()
    incarnation = serializers.IntegerField()
    revision = serializers.IntegerField(help_text="What it acts on.")
    known_revision = serializers.IntegerField(help_text="The newest file it has.")
    problem = serializers.CharField(help_text="Why it cannot act on the newest file.")
    members = serializers.ListField(child=serializers.CharField())
    agreed = serializers.BooleanField()
    mature = serializers.BooleanField()
    late = serializers.BooleanField()
    rings = serializers.DictField(child=serializers.BooleanField())
    warnings = serializers.ListField(child=serializers.CharField())
    unhealthy = serializers.DictField(
        child=serializers.CharField(), help_text="Health check that fails there: what it says."
    )
    refusals = serializers.DictField(
        child=serializers.CharField(), help_text="VIP that its kernel cannot have: why."
    )
    heard_at = serializers.DateTimeField(allow_null=True)
    age_seconds = serializers.FloatField(allow_null=True)


class NodeSerializer(DefiningSerializer):
    """A host of a subcluster."""

    name = Text(max_length=NAME_LENGTH)
    address = Text(max_length=45)
    ring_port = Whole(min_value=1, max_value=65535, default=7411)
    weight = Whole(min_value=0, default=1)
    admin_state = Choice(choices=Node.Admin.choices, default=Node.Admin.ENABLED.value)
    segment = Named(
        slug_field="name", queryset=Segment.objects.all(), allow_null=True, default=None
    )
    interfaces = TextMap(default=dict)
    vips = serializers.IntegerField(read_only=True, help_text="How many it owns now.")
    status = NodeStatusSerializer(read_only=True)
    fixed: ClassVar[tuple[str, ...]] = ("name", "subcluster")


class RevisionSerializer(serializers.Serializer):
    """A definitions file as it was committed."""

    number = serializers.IntegerField()
    author = serializers.CharField()
    comment = serializers.CharField()
    created_at = serializers.DateTimeField()


class RevisionWhole(RevisionSerializer):
    """With its text, and how it differs from the one before."""

    text = serializers.CharField()
    diff = serializers.CharField()


class Imported(serializers.Serializer):
    """What reading a definitions file came to."""

    subcluster = serializers.CharField()
    revision = serializers.IntegerField()
    diff = serializers.CharField(help_text="Unified diff, running -> proposed.")


class SettingSerializer(serializers.Serializer):
    """A knob: its value, and what may be written."""

    name = serializers.CharField()
    value = serializers.JSONField()
    default = serializers.JSONField()
    is_default = serializers.BooleanField()
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    choices = serializers.ListField(child=serializers.CharField())
    unit = serializers.CharField()
    help = serializers.CharField()


class SettingBody(Strict):
    """A new value."""

    value = serializers.JSONField(help_text="A number, a command, or one of the choices.")
