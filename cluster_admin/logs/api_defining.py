"""Log sources and subscribers in the API: which logs nodes ship, and to whom."""

from typing import Any, ClassVar

from django_filters.rest_framework import CharFilter, FilterSet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cluster_admin.accounts.services import actor_of
from cluster_admin.inventory.api_base import DefiningResource, refusals
from cluster_admin.logs.api_serializers import (
    DecommissionBody,
    DecommissionSerializer,
    LogSourceSerializer,
    LogSubscriberSerializer,
)
from cluster_admin.logs.decommissioning import decommission
from cluster_admin.logs.models import LogSource, LogSubscriber
from cluster_admin.rest import headers
from cluster_admin.rest.views import View


class NameFilters(FilterSet):
    """Exact words."""

    subcluster = CharFilter(field_name="subcluster__name", max_length=63)
    name = CharFilter(max_length=63)


class LogSources(DefiningResource):
    """Logs that nodes ship; administrators' work, since nodes read them as root."""

    kind = "log source"
    queryset = LogSource.objects.select_related("subcluster")
    serializer_class = LogSourceSerializer
    filterset_class = NameFilters
    search_fields = ("name", "path")
    ordering_fields: ClassVar[dict[str, str]] = {
        "name": "name",
        "subcluster": "subcluster__name",
        "path": "path",
    }
    lookup_field, lookup_value_regex = "id", "[0-9]{1,18}"

    def represent(self, row: LogSource) -> dict[str, Any]:
        """A source as JSON has it."""
        return {
            "id": row.pk,
            "subcluster": row.subcluster.name,
            "name": row.name,
            "path": row.path,
            "nodes": row.nodes,
        }


class LogSubscribers(DefiningResource):
    """Collectors that take the logs; one name may stand in several subclusters."""

    kind = "log subscriber"
    queryset = LogSubscriber.objects.select_related("subcluster")
    serializer_class = LogSubscriberSerializer
    filterset_class = NameFilters
    search_fields = ("name",)
    ordering_fields: ClassVar[dict[str, str]] = {
        "name": "name",
        "subcluster": "subcluster__name",
        "backlog_bytes": "backlog_bytes",
    }
    lookup_field, lookup_value_regex = "id", "[0-9]{1,18}"

    def represent(self, row: LogSubscriber) -> dict[str, Any]:
        """A subscriber as JSON has it."""
        return {
            "id": row.pk,
            "subcluster": row.subcluster.name,
            "name": row.name,
            "backlog_bytes": row.backlog_bytes,
        }


class Decommission(View):
    """The end of a subscriber; it spans subclusters, and so does the right to it."""

    kind = "log subscriber"
    verb = "decommission"
    parameters = ("dry_run", "force")

    def object_of(self) -> str:
        """As the body says."""
        return self.said_in_body("name")

    @extend_schema(
        request=DecommissionBody,
        responses=DecommissionSerializer,
        parameters=[
            OpenApiParameter("dry_run", enum=("0", "1")),
            OpenApiParameter(
                "force",
                enum=("0", "1"),
                description="1: although it is there, or logs wait for it.",
            ),
        ],
    )
    def post(self, request: Request, **_: Any) -> Response:
        """Take it out of every subcluster, and its queue with what waits there off the broker."""
        body = DecommissionBody(data=request.data)
        body.is_valid(raise_exception=True)
        with refusals():
            outcome = decommission(
                body.validated_data["name"],
                actor_of(request),
                headers.reason_of(request),
                dry_run=headers.is_dry_run(request),
                force=headers.is_forced(request),
            )
        return Response(outcome.told())
