"""GET status/: the whole cluster on one page. The number of queries does not depend on its size."""

from typing import Any

from django.conf import settings
from django.db.models import Count, Max, Min, Q
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cluster_admin.accounts.services import readable
from cluster_admin.events.freshness import freshness
from cluster_admin.events.models import Event
from cluster_admin.inventory.models import Node, NodeStatus, Subcluster
from cluster_admin.rest.views import View
from cluster_admin.vips.models import Vip, VipStatus

VIPS = (
    *("vips", "owned", "unowned", "unsafe", "broken", "conflict", "stuck", "foreign", "no_heir"),
)
ALIVE = Q(status__verdict=NodeStatus.Verdict.ALIVE)


class SubclusterStatus(serializers.Serializer):
    """A subcluster in numbers."""

    name = serializers.CharField()
    revision = serializers.IntegerField()
    nodes = serializers.IntegerField()
    alive = serializers.IntegerField()
    vips = serializers.IntegerField()
    owned = serializers.IntegerField()
    unowned = serializers.IntegerField()
    unsafe = serializers.IntegerField()
    broken = serializers.IntegerField()
    conflict = serializers.IntegerField()
    stuck = serializers.IntegerField()
    foreign = serializers.IntegerField()
    no_heir = serializers.IntegerField(help_text="Owned, but no other node could take them.")
    acting_revision_min = serializers.IntegerField(
        allow_null=True, help_text="The oldest revision that a living node acts on."
    )


class ListenerStatusSerializer(serializers.Serializer):
    """How fresh all this is."""

    heard_at = serializers.DateTimeField(allow_null=True)
    age_seconds = serializers.FloatField(allow_null=True)
    stale = serializers.BooleanField()
    broker = serializers.CharField()


class EventsStatus(serializers.Serializer):
    """Where the history stands."""

    newest_id = serializers.IntegerField()


class StatusSerializer(serializers.Serializer):
    """The whole cluster."""

    cluster = serializers.CharField()
    subclusters = SubclusterStatus(many=True)
    listener = ListenerStatusSerializer()
    events = EventsStatus()


class Status(View):
    """How everything is."""

    kind = "status"
    within = "name"

    @extend_schema(responses=StatusSerializer)
    def get(self, request: Request) -> Response:
        """Subclusters in numbers, the listener, the newest event."""
        return Response(
            {
                "cluster": settings.MUSTER_CLUSTER,
                "subclusters": _subclusters(readable(request.user)),
                "listener": freshness().as_json(),
                "events": {"newest_id": Event.objects.aggregate(n=Max("id"))["n"] or 0},
            }
        )


def _subclusters(names: frozenset[str] | None) -> list[dict[str, Any]]:
    rows = Subcluster.objects.order_by("name")
    if names is not None:
        rows = rows.filter(name__in=names)
    nodes = _by_subcluster(
        Node,
        nodes=Count("pk"),
        alive=Count("pk", filter=ALIVE),
        acting=Min("status__revision", filter=ALIVE),
    )
    states = {
        state.lower(): Count("pk", filter=Q(status__state=state))
        for state in VipStatus.State.values
    }
    heirless = Count("pk", filter=Q(status__cause=VipStatus.Cause.NO_HEIR))
    vips = _by_subcluster(Vip, vips=Count("pk"), no_heir=heirless, **states)
    return [_told(row, nodes.get(row.pk, {}), vips.get(row.pk, {})) for row in rows]


def _by_subcluster(model: Any, **counts: Any) -> dict[int, dict[str, Any]]:
    rows = model.objects.order_by().values("subcluster").annotate(**counts)
    return {row["subcluster"]: row for row in rows}


def _told(row: Subcluster, nodes: dict[str, Any], vips: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": row.name,
        "revision": row.revision,
        **{name: nodes.get(name, 0) for name in ("nodes", "alive")},
        **{name: vips.get(name, 0) for name in VIPS},
        "acting_revision_min": nodes.get("acting"),
    }
