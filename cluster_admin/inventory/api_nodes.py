"""Nodes in the API: rows with their states, and what operators want of each."""

from datetime import datetime
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils import timezone
from django_filters.rest_framework import CharFilter, ChoiceFilter, FilterSet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from cluster_admin.inventory import removal, services
from cluster_admin.inventory.api_base import DefiningResource, came_of, changing
from cluster_admin.inventory.api_serializers import NodeSerializer
from cluster_admin.inventory.models import Node, NodeStatus
from cluster_admin.inventory.services import Change
from cluster_admin.rest import headers
from cluster_admin.rest.fields import Nothing

AS_IT_IS = (
    *("verdict", "state", "objection", "incarnation", "revision", "known_revision", "problem"),
    *("members", "agreed", "mature", "late", "rings", "warnings", "unhealthy", "refusals"),
    "heard_at",
)
FORCE = OpenApiParameter(
    "force", enum=("0", "1"), description="1: remove it although it serves, or still holds VIPs."
)


class NodeFilters(FilterSet):
    """Exact words; the segment by name."""

    subcluster = CharFilter(field_name="subcluster__name", max_length=63)
    admin_state = ChoiceFilter(choices=Node.Admin.choices)
    state = CharFilter(field_name="status__state", max_length=16)
    verdict = ChoiceFilter(choices=NodeStatus.Verdict.choices, method="by_verdict")
    segment = CharFilter(field_name="segment__name", max_length=63)

    def by_verdict(self, rows: QuerySet[Node], name: str, verdict: str) -> QuerySet[Node]:
        """Nodes of which nothing was heard are unknown."""
        if verdict == NodeStatus.Verdict.UNKNOWN:
            known = set(NodeStatus.Verdict.values) - {verdict}
            return rows.exclude(status__verdict__in=known)
        return rows.filter(status__verdict=verdict)


class Nodes(DefiningResource):
    """Nodes; draining and maintenance are operators' work, the rest is administrators'."""

    kind = "node"
    queryset = Node.objects.select_related("subcluster", "segment", "status")
    serializer_class = NodeSerializer
    filterset_class = NodeFilters
    search_fields = ("name", "address", "status__objection", "status__problem")
    ordering_fields: ClassVar[dict[str, str]] = {
        "name": "name",
        "subcluster": "subcluster__name",
        "address": "address",
        "weight": "weight",
        "admin_state": "admin_state",
        "verdict": "status__verdict",
        "state": "status__state",
        "revision": "status__revision",
        "heard_at": "status__heard_at",
    }
    lookup_value_regex = "[a-z0-9][a-z0-9-]{0,62}"
    live: ClassVar[tuple[str, ...]] = ("status", "vips")
    special: ClassVar[dict[str, tuple[str, str]]] = {
        "drain": ("operator", "operate"),
        "undrain": ("operator", "operate"),
        "maintenance": ("operator", "operate"),
    }

    def represent(self, row: Node) -> dict[str, Any]:
        """A node with its state."""
        return represented(row, timezone.now())

    def known_parameters(self) -> tuple[str, ...]:
        """A removal can be forced."""
        known = super().known_parameters()
        return (*known, "force") if self.action == "destroy" else known

    @extend_schema(parameters=[FORCE])
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Remove one; refused while it serves, or still holds VIPs."""
        return super().destroy(request, *args, **kwargs)

    def check_removal(self, done: Change, row: Node) -> None:
        """It has to be drained first."""
        removal.check(done, [row], force=headers.is_forced(self.request))

    @extend_schema(request=None, responses=NodeSerializer)
    @action(detail=True, methods=["post"])
    def drain(self, request: Request, **_: Any) -> Response:
        """Give its VIPs to others, gracefully, and take none."""
        return self._wanted(Node.Admin.DRAINING)

    @extend_schema(request=None, responses=NodeSerializer)
    @action(detail=True, methods=["post"])
    def undrain(self, request: Request, **_: Any) -> Response:
        """Let it hold VIPs again."""
        return self._wanted(Node.Admin.ENABLED)

    @extend_schema(request=None, responses=NodeSerializer)
    @action(detail=True, methods=["post"])
    def maintenance(self, request: Request, **_: Any) -> Response:
        """As draining; and nobody is told when it is away."""
        return self._wanted(Node.Admin.MAINTENANCE)

    def _wanted(self, state: Node.Admin) -> Response:
        Nothing(data=self.request.data).is_valid(raise_exception=True)
        row = self.get_object()
        with changing(self.request, row.subcluster) as done:
            row = self.get_queryset().get(pk=row.pk)
            self.check_match(row)
            services.want(done, row, state)
        return self.told(came_of(done, row), 200)


def represented(row: Node, now: datetime) -> dict[str, Any]:
    """A node as JSON has it."""
    status = row.last_heard
    told = {name: getattr(status, name) for name in AS_IT_IS}
    heard = status.heard_at
    told["age_seconds"] = None if heard is None else round((now - heard).total_seconds(), 3)
    return {
        "name": row.name,
        "subcluster": row.subcluster.name,
        "address": row.address,
        "ring_port": row.ring_port,
        "weight": row.weight,
        "admin_state": row.admin_state,
        "segment": row.segment.name if row.segment else None,
        "interfaces": row.interfaces,
        "vips": getattr(row, "held", 0),
        "status": told,
    }
