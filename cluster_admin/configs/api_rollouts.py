"""Rollouts in the API: start one, look first, watch it, pause, resume, abort."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.urls import re_path
from django.utils import timezone
from django_filters.rest_framework import CharFilter, ChoiceFilter, FilterSet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cluster_admin.accounts.services import actor_of
from cluster_admin.audit.actor import Actor
from cluster_admin.configs import rollout_previewing, rollout_shapes, rollouts
from cluster_admin.configs.api_base import refusals
from cluster_admin.configs.rollout_models import PHASES, Rollout
from cluster_admin.configs.scope import reader
from cluster_admin.inventory.models import Subcluster
from cluster_admin.rest import headers
from cluster_admin.rest.fields import Nothing
from cluster_admin.rest.problems import cut, invalid
from cluster_admin.rest.views import Place, Resource


class RolloutFilters(FilterSet):
    """Exact words."""

    subcluster = CharFilter(max_length=63)
    phase = ChoiceFilter(choices=PHASES)


class Rollouts(Resource):
    """Rollouts; starting and steering them is operators' work."""

    kind = "rollout"
    within = "subcluster"
    write_role, write_scope = "operator", "operate"
    queryset = Rollout.objects.all()
    serializer_class = rollout_shapes.RolloutAnswer
    filterset_class = RolloutFilters
    ordering_fields = ("id", "subcluster", "revision", "phase", "started_at", "ended_at")
    lookup_field = "pk"
    names_others = True
    live: ClassVar[tuple[str, ...]] = ("progress", "counts", "members", "facts", "batch")

    def known_parameters(self) -> tuple[str, ...]:
        """Only a start can be tried."""
        known = super().known_parameters()
        steering = self.action in ("pause", "resume", "abort")
        return tuple(one for one in known if not (steering and one == "dry_run"))

    def represent(self, row: Rollout) -> dict[str, Any]:
        """A rollout as JSON has it."""
        return rollout_shapes.rollout(row)

    @extend_schema(responses=rollout_shapes.RolloutWholeAnswer)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A rollout, with its nodes and what happened."""
        return self.shown(rollout_shapes.whole(self.get_object()))

    @extend_schema(
        request=rollout_shapes.RolloutBody, responses={201: rollout_shapes.RolloutWholeAnswer}
    )
    def create(self, request: Request) -> Response:
        """Start a rollout; with ?dry_run=1 see who has its turn when, and what each would get."""
        body = rollout_shapes.RolloutBody(data=request.data)
        body.is_valid(raise_exception=True)
        told = body.validated_data
        self.check_object_permissions(request, Place(told["subcluster"]))
        subcluster = Subcluster.objects.filter(name=told["subcluster"]).first()
        if subcluster is None:
            raise invalid(subcluster=f"there is no subcluster {cut(told['subcluster'], 63)}")
        wish = rollout_shapes.wish(told)
        with refusals():
            if headers.is_dry_run(request):
                planned = rollouts.plan(subcluster, wish, timezone.now())
                changes = rollout_previewing.changes(planned, reader(request.user))
                return Response(rollout_shapes.tried(planned, changes))
            reason = headers.reason_of(request)
            row = rollouts.start(actor_of(request), subcluster, wish, reason=reason)
        response = self.shown(rollout_shapes.whole(row), 201)
        response.headers["Location"] = f"{request.path}{row.pk}/"
        return response

    @extend_schema(request=None, responses=rollout_shapes.RolloutWholeAnswer)
    def pause(self, request: Request, **_: Any) -> Response:
        """Let no further node have its turn."""
        return self._say(rollouts.pause)

    @extend_schema(request=None, responses=rollout_shapes.RolloutWholeAnswer)
    def resume(self, request: Request, **_: Any) -> Response:
        """Go on."""
        return self._say(rollouts.resume)

    @extend_schema(request=None, responses=rollout_shapes.RolloutWholeAnswer)
    def abort(self, request: Request, **_: Any) -> Response:
        """Order every node that has the revision back to what it had."""
        return self._say(rollouts.abort)

    def _say(self, what: Callable[[Actor, Rollout, str], Rollout]) -> Response:
        Nothing(data=self.request.data).is_valid(raise_exception=True)
        row = self.get_object()
        with refusals():
            row = what(actor_of(self.request), row, headers.reason_of(self.request))
        return self.shown(rollout_shapes.whole(row))


ONE = "^config/rollouts/(?P<pk>[0-9]{1,15})"
urlpatterns = [
    re_path(
        r"^config/rollouts/$",
        Rollouts.as_view({"get": "list", "post": "create"}),
        name="config-rollouts",
    ),
    re_path(rf"{ONE}/$", Rollouts.as_view({"get": "retrieve"}), name="config-rollout"),
    re_path(rf"{ONE}/pause/$", Rollouts.as_view({"post": "pause"}), name="config-rollout-pause"),
    re_path(rf"{ONE}/resume/$", Rollouts.as_view({"post": "resume"}), name="config-rollout-resume"),
    re_path(rf"{ONE}/abort/$", Rollouts.as_view({"post": "abort"}), name="config-rollout-abort"),
]
