"""How nodes ship their logs in the API: on disk, how far, how late, for each subscriber."""

from typing import Any

from django_filters.rest_framework import CharFilter, FilterSet
from rest_framework import serializers

from cluster_admin.logs.shipping_models import Shipping
from cluster_admin.rest.views import Resource


class ShippedFileAnswer(serializers.Serializer):
    """A file of a log, as it is for one subscriber."""

    name = serializers.CharField(help_text="Of the log, as it is defined.")
    path = serializers.CharField(help_text="On the node.")
    size = serializers.IntegerField(help_text="Bytes on the node's disk.")
    kept = serializers.IntegerField(help_text="The subscriber has everything in front of it.")
    lag_bytes = serializers.IntegerField(help_text="What it has not got yet.")
    lag_seconds = serializers.FloatField(help_text="The age of the oldest line of that.")


class ShippingAnswer(serializers.Serializer):
    """A node and a subscriber, as the node told last."""

    id = serializers.IntegerField(help_text="Of this node and subscriber.")
    node = serializers.CharField()
    subcluster = serializers.CharField()
    subscriber = serializers.CharField()
    connected = serializers.BooleanField(help_text="Whether a broker takes the node's logs.")
    on_disk_bytes = serializers.IntegerField(help_text="Of the files that are shipped.")
    backlog_bytes = serializers.IntegerField(help_text="What the subscriber has not got yet.")
    backlog_seconds = serializers.FloatField(help_text="The age of the oldest line of that.")
    in_flight_bytes = serializers.IntegerField(help_text="Of the backlog, what is on its way.")
    dropped_bytes = serializers.IntegerField(help_text="Given up, since the backlog was full.")
    lost_bytes = serializers.IntegerField(help_text="Gone before they could be read, at least.")
    duplicates = serializers.IntegerField(
        help_text="Files that were sent anew, since nobody could tell whether they had been."
    )
    alarm = serializers.CharField(help_text="What is wrong with the backlog; empty: nothing.")
    heard_at = serializers.DateTimeField(help_text="When the node told it.")
    files = ShippedFileAnswer(many=True, help_text="Of very many those furthest behind.")
    more_files = serializers.IntegerField(help_text="Those that are not in `files`.")


class ShippingFilters(FilterSet):
    """Exact words."""

    subcluster = CharFilter(max_length=63)
    node = CharFilter(max_length=63)
    subscriber = CharFilter(max_length=63)


class AllShipping(Resource):
    """Every node and subscriber."""

    kind = "shipping"
    within = "subcluster"
    queryset = Shipping.objects.all()
    serializer_class = ShippingAnswer
    filterset_class = ShippingFilters
    search_fields = ("node", "subscriber")
    ordering_fields = (
        *("node", "subscriber", "subcluster", "backlog_bytes", "backlog_seconds"),
        *("on_disk_bytes", "dropped_bytes", "heard_at"),
    )

    def represent(self, row: Shipping) -> dict[str, Any]:
        """A row as JSON has it."""
        files = [{**each, "lag_bytes": max(0, each["size"] - each["kept"])} for each in row.files]
        row.files = files
        return dict(self.get_serializer(row).data)
