"""The shapes of VIPs in the API: what may be sent, what is answered."""

from typing import Any, ClassVar

from rest_framework import serializers

from cluster_admin.inventory.api_serializers import DefiningSerializer
from cluster_admin.rest.fields import Flag, Named, Strict, Text, Texts, Whole
from cluster_admin.vips.models import Vip, VipStatus


class VipStatusSerializer(serializers.Serializer):
    """Who holds a VIP, as the manager last heard."""

    state = serializers.ChoiceField(choices=VipStatus.State.choices)
    owner = serializers.CharField(help_text="Empty: nobody.")
    epoch = serializers.IntegerField()
    since = serializers.DateTimeField(allow_null=True)
    age_seconds = serializers.FloatField(allow_null=True)
    reason = serializers.CharField(help_text="Why its owner has it, or why nobody has.")
    previous = serializers.CharField()
    holders = serializers.ListField(child=serializers.CharField())
    cause = serializers.CharField(
        help_text="two-owners, not-everywhere, hook or no-heir; empty where a state has one cause."
    )
    note = serializers.CharField(help_text="What is to be known of its state; empty: all is well.")
    seen_at = serializers.DateTimeField(allow_null=True)


class DestinationSerializer(Strict):
    """Where a VIP is to go: to a node, or wherever there is room."""

    node = Text(max_length=63, required=False, help_text="Put first in what the VIP prefers.")
    free = Flag(required=False, default=False, help_text="Instead: take all preferences away.")
    force = Flag(
        required=False, default=False, help_text="Although the node is not alive, or not ready."
    )

    def validate(self, attrs: Any) -> Any:
        """One of the two."""
        if bool(attrs.get("node")) == attrs["free"]:
            raise serializers.ValidationError({"node": ["name a node, or say free, not both"]})
        return super().validate(attrs)


class VipSerializer(DefiningSerializer):
    """A virtual address."""

    address = Text(max_length=45)
    description = Text(max_length=200, allow_blank=True, default="")
    prefer = Texts(default=list, help_text="Node names, first choice first.")
    follow = Named(
        slug_field="address",
        queryset=Vip.objects.all(),
        allow_null=True,
        default=None,
        help_text="Always on the node of this VIP.",
    )
    weight = Whole(min_value=0, default=1)
    check = Text(
        max_length=500,
        allow_blank=True,
        default="",
        source="check_command",
        help_text="Health check: tcp:PORT, smtp:PORT or command:/PATH ARGUMENTS. A command is an "
        "administrator's to set.",
    )
    hook = Text(
        max_length=500,
        allow_blank=True,
        default="",
        help_text="A command, /PATH ARGUMENTS, called with take or release, VIP and node. It is an "
        "administrator's to set.",
    )
    hook_warning = serializers.CharField(
        read_only=True, help_text="What a hook costs in safety; empty without one."
    )
    binding = Text(max_length=63, allow_blank=True, default="")
    status = VipStatusSerializer(read_only=True)
    fixed: ClassVar[tuple[str, ...]] = ("address", "subcluster")


class OwnerSerializer(serializers.Serializer):
    """Who owns a VIP, for load balancers."""

    address = serializers.CharField()
    owner = serializers.CharField()
    state = serializers.ChoiceField(choices=VipStatus.State.choices)
    since = serializers.DateTimeField(allow_null=True)
    epoch = serializers.IntegerField()
    stale_seconds = serializers.FloatField(
        allow_null=True, help_text="Since the manager last heard the bus."
    )
