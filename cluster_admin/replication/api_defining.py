"""Replicated tables, limits and exemptions in the API: what nodes share and what they refuse."""

from typing import Any, ClassVar

from django_filters.rest_framework import BooleanFilter, CharFilter, FilterSet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cluster_admin.inventory.api_base import DefiningResource, changing
from cluster_admin.inventory.api_settings import OfSubcluster
from cluster_admin.inventory.models import Subcluster
from cluster_admin.inventory.services import values_of
from cluster_admin.replication.api_serializers import (
    ExemptionSerializer,
    LimitingSerializer,
    LimitSerializer,
    TableSerializer,
)
from cluster_admin.replication.models import (
    LimitExemption,
    Limiting,
    ReplicatedTable,
    TrafficLimit,
)
from cluster_admin.rest import headers


class TableFilters(FilterSet):
    """Exact words."""

    subcluster = CharFilter(field_name="subcluster__name", max_length=63)
    name = CharFilter(max_length=63)
    type = CharFilter(max_length=40)


class LimitFilters(FilterSet):
    """Exact words."""

    subcluster = CharFilter(field_name="subcluster__name", max_length=63)
    name = CharFilter(max_length=63)
    subject = CharFilter(max_length=40)
    enabled = BooleanFilter()


class ExemptionFilters(FilterSet):
    """Exact words."""

    subcluster = CharFilter(field_name="subcluster__name", max_length=63)
    name = CharFilter(max_length=63)
    limit = CharFilter(max_length=63)
    key = CharFilter(max_length=512)


class Tables(DefiningResource):
    """Tables that nodes share. Of a type without any, there is a usual one of its name."""

    kind = "replicated table"
    queryset = ReplicatedTable.objects.select_related("subcluster")
    serializer_class = TableSerializer
    filterset_class = TableFilters
    search_fields = ("name", "type")
    ordering_fields: ClassVar[dict[str, str]] = {
        "name": "name",
        "subcluster": "subcluster__name",
        "type": "type",
    }
    lookup_field, lookup_value_regex = "id", "[0-9]{1,18}"


class Limits(DefiningResource):
    """Limits of traffic."""

    kind = "limit"
    queryset = TrafficLimit.objects.select_related("subcluster")
    serializer_class = LimitSerializer
    filterset_class = LimitFilters
    search_fields = ("name", "subject", "match", "binding", "host", "domain")
    ordering_fields: ClassVar[dict[str, str]] = {
        "name": "name",
        "subcluster": "subcluster__name",
        "subject": "subject",
        "most": "most",
    }
    lookup_field, lookup_value_regex = "id", "[0-9]{1,18}"


class Exemptions(DefiningResource):
    """Who has another limit, or none."""

    kind = "exemption"
    queryset = LimitExemption.objects.select_related("subcluster")
    serializer_class = ExemptionSerializer
    filterset_class = ExemptionFilters
    search_fields = ("name", "key", "limit")
    ordering_fields: ClassVar[dict[str, str]] = {
        "name": "name",
        "subcluster": "subcluster__name",
        "limit": "limit",
        "key": "key",
    }
    lookup_field, lookup_value_regex = "id", "[0-9]{1,18}"


class OneLimiting(OfSubcluster):
    """What holds for all limits of a subcluster."""

    kind = "limiting"

    def known_parameters(self) -> tuple[str, ...]:
        """Changes may be tried."""
        return () if self.request.method in ("GET", "HEAD") else ("dry_run",)

    def object_of(self) -> str:
        """The subcluster."""
        return str(self.kwargs["name"])

    @extend_schema(responses=LimitingSerializer)
    def get(self, request: Request, **_: Any) -> Response:
        """How its nodes go on when they are cut off, and whether limits refuse at all."""
        return _shown(_told(self.subcluster()))

    @extend_schema(request=LimitingSerializer, responses=LimitingSerializer)
    def put(self, request: Request, **_: Any) -> Response:
        """Set both."""
        home = self.subcluster()
        body = LimitingSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        with changing(self.request, home) as done:
            headers.check_match(self.request, headers.etag_of(_told(home)))
            row = Limiting.objects.filter(subcluster=home).first() or Limiting(subcluster=home)
            before = values_of(row) if row.pk else None
            row.cut_off, row.test = body.validated_data["cut_off"], body.validated_data["test"]
            row.full_clean()
            row.save()
            if before != values_of(row):
                done.note("update" if before else "create", row, before)
        if headers.is_dry_run(request):
            told = {"dry_run": True, "subcluster": home.name, "revision": done.revision}
            return Response({**told, "diff": done.diff})
        response = _shown(_told(home))
        response.headers[headers.REVISION] = str(done.revision)
        return response


def _told(home: Subcluster) -> dict[str, Any]:
    row = Limiting.objects.filter(subcluster=home).first() or Limiting()
    return {"cut_off": row.cut_off, "test": row.test}


def _shown(told: dict[str, Any]) -> Response:
    return Response(told, headers={"ETag": headers.etag_of(told)})
