"""History in the API: events as lists, and as a stream that never ends."""

from typing import Any, ClassVar

from django.db import connection
from django.db.models import QuerySet
from django.http import HttpResponseBase
from django_filters.rest_framework import CharFilter, ChoiceFilter, FilterSet, NumberFilter
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from cluster_admin.accounts.services import readable
from cluster_admin.events import sse
from cluster_admin.events.feed import FILTERED, Filters
from cluster_admin.events.history import as_csv
from cluster_admin.events.models import Event
from cluster_admin.events.moves import MOVE
from cluster_admin.rest import csv_lists
from cluster_admin.rest.bodies import Renderer
from cluster_admin.rest.pages import Moment
from cluster_admin.rest.problems import invalid
from cluster_admin.rest.views import Resource, View

FIELDS = (
    *("id", "subcluster", "node", "incarnation", "number", "time", "kind", "vip", "peer"),
    *("reason", "epoch", "detail", "actor", "view", "gap_ms", "received_at"),
)
INTEGER_MAX = 2**63 - 1


class EventSerializer(serializers.ModelSerializer):
    """An event as it is."""

    kind = serializers.CharField(help_text="A word; nodes of other versions may know more.")
    actor = serializers.CharField(help_text="failure, operator, balance, start; empty: no move.")
    view = serializers.CharField(help_text="Hash of the members that the teller saw.")
    gap_ms = serializers.FloatField(
        allow_null=True, help_text="How long nobody served the VIP that was taken; null: unknown."
    )
    to = serializers.CharField(help_text="Where the VIP went; empty: nowhere, or unknown.")

    class Meta:
        """Everything."""

        model = Event
        fields = (*FIELDS, "to")
        read_only_fields = fields

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of Python."""
        origin = serializers.CharField(help_text="Who had the VIP before; empty: nobody, unknown.")
        return {**super().get_fields(), "from": origin}


class EventFilters(FilterSet):
    """Exact words; ids and times as bounds."""

    subcluster = CharFilter(max_length=63)
    node = CharFilter(max_length=63)
    vip = CharFilter(max_length=45)
    kind = CharFilter(max_length=32)
    actor = CharFilter(max_length=16)
    moves = ChoiceFilter(choices=(("1", "takings only"), ("0", "all")), method="by_moves")
    after = NumberFilter(
        field_name="id", lookup_expr="gt", min_value=0, max_value=INTEGER_MAX, decimal_places=0
    )
    since = Moment(field_name="time", lookup_expr="gte")
    until = Moment(field_name="time", lookup_expr="lt")

    def by_moves(self, rows: QuerySet[Event], name: str, wanted: str) -> QuerySet[Event]:
        """Takings: each names who had it before."""
        return rows.filter(kind=MOVE) if wanted == "1" else rows


FORMAT = OpenApiParameter(
    "format", OpenApiTypes.STR, enum=csv_lists.FORMATS, description="csv: all of them, streamed."
)
CSV_TOO: dict[Any, Any] = {
    (200, "application/json"): EventSerializer(many=True),
    (200, "text/csv"): OpenApiTypes.STR,
}


class Events(Resource):
    """What happened, newest first."""

    kind = "event"
    within = "subcluster"
    queryset = Event.objects.all()
    serializer_class = EventSerializer
    filterset_class = EventFilters
    search_fields = ("node", "vip", "peer", "reason", "detail")
    ordering_fields = ("id", "time", "node", "kind", "vip")
    lookup_field, lookup_value_regex = "id", "[0-9]{1,18}"
    parameters: ClassVar[tuple[str, ...]] = ("format",)

    def get_renderers(self) -> list[Any]:
        """Lists may be had as CSV."""
        return [one() for one in csv_lists.RENDERERS] if self.action == "list" else [Renderer()]

    def known_parameters(self) -> tuple[str, ...]:
        """A single event has no other form."""
        return super().known_parameters() if self.action == "list" else ()

    @extend_schema(responses=CSV_TOO, parameters=[FORMAT])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        """One page of events, or all of them as CSV (`?format=csv` or Accept: text/csv)."""
        if csv_lists.wanted(request):
            return as_csv(self.filter_queryset(self.get_queryset()))
        return super().list(request, *args, **kwargs)

    def represent(self, row: Event) -> dict[str, Any]:
        """An event as JSON has it."""
        return told(row)


class EventStreamRenderer(BaseRenderer):
    """Only lets clients ask for it; what is sent is made by `sse`."""

    media_type = "text/event-stream"
    format = "sse"
    charset = "utf-8"

    def render(self, data: Any, *_: Any, **__: Any) -> bytes:
        """Never asked: the response streams."""
        return b""


def _parameter(name: str, text: str, kind: Any = OpenApiTypes.STR) -> OpenApiParameter:
    return OpenApiParameter(name, kind, description=text)


class Stream(View):
    """GET events as they come."""

    kind = "event"
    within = "subcluster"
    parameters: ClassVar[tuple[str, ...]] = (*FILTERED, "after")
    renderer_classes = (EventStreamRenderer,)

    @extend_schema(
        responses={(200, "text/event-stream"): OpenApiTypes.STR},
        parameters=[
            _parameter("subcluster", "Only of this subcluster."),
            _parameter("node", "Only told by this node."),
            _parameter("vip", "Only of this VIP."),
            _parameter("kind", "Only of this kind."),
            _parameter("actor", "Only moves by failure, operator, balance or start."),
            _parameter("after", "Begin after the event with this id.", OpenApiTypes.INT64),
            OpenApiParameter("Last-Event-ID", OpenApiTypes.INT64, "header"),
        ],
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Server-sent events: `event` with its id, and `heartbeat` every 5 s at least."""
        try:
            after = sse.last_id(request._request)
        except ValueError as error:
            raise invalid(after=str(error).removeprefix("after ")) from error
        wanted = {name: request.query_params.get(name, "") for name in FILTERED}
        response = sse.stream(after, Filters(**wanted, readable=readable(request.user)))
        if not connection.in_atomic_block:
            connection.close()  # the stream has no use for it, and may last for days
        return response


def told(row: Event) -> dict[str, Any]:
    """An event as JSON has it."""
    return {name: getattr(row, name) for name in FIELDS} | row.way.named
