"""Resources that say what several apps know together: the noun is one app's, the counts another's.

Lower apps do not know higher ones, so a node's VIPs and a VIP's history are joined here.
"""

from dataclasses import asdict
from functools import cached_property
from typing import Any

from django.db.models import Count, IntegerField, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django_filters.utils import translate_validation
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from cluster_admin.configs.models import Deployment
from cluster_admin.configs.places_listing import Configurations, configurations
from cluster_admin.events.api_views import CSV_TOO, FORMAT, EventFilters, told
from cluster_admin.events.freshness import freshness
from cluster_admin.events.history import as_csv
from cluster_admin.events.models import Event
from cluster_admin.inventory import api_nodes, api_serializers, api_subclusters
from cluster_admin.inventory.models import Node, Subcluster
from cluster_admin.joining.api_serializers import JoinTokenBody, JoinTokenMade
from cluster_admin.joining.api_views import made_token
from cluster_admin.rest import csv_lists
from cluster_admin.rest.problems import Code, Problem
from cluster_admin.vips import api_views as vips_api
from cluster_admin.vips.api_serializers import OwnerSerializer
from cluster_admin.vips.models import Vip, VipStatus
from cluster_admin.vips.preview import outlook

NARROWING = (
    OpenApiParameter("moves", enum=("0", "1")),
    *(OpenApiParameter(name) for name in ("actor", "kind")),
    *(OpenApiParameter(name, OpenApiTypes.DATETIME) for name in ("since", "until")),
)
"""Filters of a VIP's history, as those of events."""
NARROWED = tuple(one.name for one in NARROWING)


def counted(model: Any, field: str, outer: str) -> Coalesce:
    """How many rows of `model` name this one in `field`: one subquery, no join that multiplies."""
    rows = model.objects.order_by().filter(**{field: OuterRef(outer)}).values(field)
    return Coalesce(
        Subquery(rows.annotate(n=Count("pk")).values("n"), output_field=IntegerField()), 0
    )


class MoveSerializer(serializers.Serializer):
    """A VIP that another node would take."""

    vip = serializers.CharField()
    to = serializers.CharField()

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of Python."""
        return {**super().get_fields(), "from": serializers.CharField()}


class ViewSerializer(serializers.Serializer):
    """What an outlook rests on."""

    revision = serializers.IntegerField()
    age_seconds = serializers.FloatField(allow_null=True)
    members = serializers.ListField(child=serializers.CharField())


class OutlookSerializer(serializers.Serializer):
    """What would happen if a node died."""

    node = serializers.CharField()
    view = ViewSerializer()
    moves = MoveSerializer(many=True)
    unserved = serializers.ListField(child=serializers.CharField())


class Nodes(api_nodes.Nodes):
    """Nodes, with how many VIPs each owns."""

    queryset = api_nodes.Nodes.queryset.annotate(held=counted(VipStatus, "owner", "name"))

    @extend_schema(responses=OutlookSerializer)
    @action(detail=True, methods=["get"], url_path="if-dies")
    def if_dies(self, request: Request, **_: Any) -> Response:
        """Where its VIPs would go, from the function that the nodes run."""
        found = outlook(self.get_object())
        age = found.age_seconds
        view = {
            "revision": found.revision,
            "age_seconds": None if age is None else round(age, 3),
            "members": list(found.members),
        }
        moves = [{"vip": one.vip, "from": found.node, "to": one.to} for one in found.moves]
        return Response(
            {"node": found.node, "view": view, "moves": moves, "unserved": list(found.unserved)}
        )

    @extend_schema(request=JoinTokenBody, responses={201: JoinTokenMade})
    @action(detail=True, methods=["post"], url_path="join-token")
    def join_token(self, request: Request, **_: Any) -> Response:
        """A one-time token with which a host becomes this node; older ones of the node end."""
        return made_token(request, self.get_object())


class ConfigurationSerializer(serializers.Serializer):
    """What a subcluster has in the configuration, and what its nodes shall run of it."""

    files = serializers.IntegerField(help_text="In its directories, the definitions left out.")
    bytes = serializers.IntegerField(help_text="Of all of them.")
    mode = serializers.ChoiceField(choices=Deployment.Mode.values)
    revision = serializers.IntegerField(help_text="Live, or about to be; 0: what was live stays.")


class SubclusterSerializer(api_serializers.SubclusterSerializer):
    """Nodes that share VIPs, and a configuration."""

    configuration = ConfigurationSerializer(
        read_only=True, allow_null=True, help_text="Null: the repository cannot be read."
    )


class Subclusters(api_subclusters.Subclusters):
    """Subclusters, with how many nodes and VIPs each has, and its configuration."""

    queryset = Subcluster.objects.annotate(
        nodes=counted(Node, "subcluster", "pk"), vips=counted(Vip, "subcluster", "pk")
    )
    serializer_class = SubclusterSerializer
    live = (*api_subclusters.Subclusters.live, "configuration")

    @cached_property
    def _configurations(self) -> Configurations | None:
        return configurations()

    def represent(self, row: Subcluster) -> dict[str, Any]:
        """With what it has in the newest revision; that is read once for all of them."""
        found = self._configurations
        told = None if found is None else asdict(found.of(row.name))
        return super().represent(row) | {"configuration": told}


class Vips(vips_api.Vips):
    """VIPs, with their history."""

    @extend_schema(responses={200: OwnerSerializer})
    @action(detail=True, methods=["get"])
    def owner(self, request: Request, **_: Any) -> Response:
        """Who owns it; 503 when nobody does, so that a load balancer need not look inside."""
        row = self.get_object()
        status = row.last_heard
        if not status.owner:
            raise Problem(Code.UNAVAILABLE, f"nobody owns {row.address}: it is {status.state}")
        names = ("owner", "state", "since", "epoch")
        found = {name: getattr(status, name) for name in names}
        stale = freshness().age_seconds
        return Response({"address": row.address, **found, "stale_seconds": stale})

    @extend_schema(responses=CSV_TOO, parameters=[FORMAT, *NARROWING])
    @action(
        detail=True, methods=["get"], filterset_class=None, renderer_classes=csv_lists.RENDERERS
    )
    def history(self, request: Request, **_: Any) -> Any:
        """What happened to it, newest first; its moves alone with moves=1; all with format=csv."""
        row = self.get_object()
        rows = Event.objects.filter(vip=row.address, subcluster=row.subcluster.name)
        asked = {key: one for key, one in request.query_params.items() if key in NARROWED}
        narrowed = EventFilters(asked, queryset=rows, request=request)
        if not narrowed.is_valid():
            raise translate_validation(narrowed.errors)
        if csv_lists.wanted(request):
            return as_csv(narrowed.qs, f"history-{row.address.replace(':', '-')}")
        page = self.paginate_queryset(narrowed.qs)
        return self.get_paginated_response([told(one) for one in page or ()])

    def known_parameters(self) -> tuple[str, ...]:
        """A history has pages."""
        if self.action == "history":
            return ("page", "page_size", "format", *NARROWED)
        return super().known_parameters()
