"""Topologies and segments in the API: where addresses live."""

from typing import Any, ClassVar

from django_filters.rest_framework import CharFilter, FilterSet

from cluster_admin.accounts.api_base import Plain
from cluster_admin.inventory import services
from cluster_admin.inventory.api_base import DefiningResource, refusals
from cluster_admin.inventory.api_serializers import SegmentSerializer, TopologySerializer
from cluster_admin.inventory.models import Segment, Topology


class TopologyFilters(FilterSet):
    """Exact words; the segment by name."""

    subcluster = CharFilter(field_name="subcluster__name", max_length=63)
    cidr = CharFilter(max_length=49)
    segment = CharFilter(field_name="segment__name", max_length=63)


class Topologies(DefiningResource):
    """Networks of a subcluster."""

    kind = "topology"
    queryset = Topology.objects.select_related("subcluster", "segment")
    serializer_class = TopologySerializer
    filterset_class = TopologyFilters
    search_fields = ("cidr", "interface")
    ordering_fields: ClassVar[dict[str, str]] = {
        "cidr": "cidr",
        "subcluster": "subcluster__name",
        "interface": "interface",
    }
    lookup_field, lookup_value_regex = "id", "[0-9]{1,18}"

    def represent(self, row: Topology) -> dict[str, Any]:
        """A topology as JSON has it."""
        return {
            "id": row.pk,
            "subcluster": row.subcluster.name,
            "cidr": row.cidr,
            "interface": row.interface,
            "witnesses": row.witnesses,
            "interest": row.interest,
            "segment": row.segment.name if row.segment else None,
        }


class Segments(Plain):
    """Segments span subclusters; they are in definitions where topologies and nodes name them."""

    kind = "segment"
    shared = True
    queryset = Segment.objects.all()
    serializer_class = SegmentSerializer
    search_fields = ("name", "description")
    ordering_fields = ("name",)
    lookup_value_regex = "[a-z][a-z0-9_-]{0,62}"

    def represent(self, row: Segment) -> dict[str, Any]:
        """A segment as JSON has it."""
        return {"name": row.name, "description": row.description}

    def discard(self, row: Any) -> None:
        """Refused while something is in it."""
        with refusals():
            services.remove_segment(row)
