"""Subclusters in the API, with their definitions as a file and the revisions of it."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from cluster_admin.accounts.roles import Role
from cluster_admin.accounts.services import actor_of, allowed
from cluster_admin.inventory import repository, services
from cluster_admin.inventory.api_base import came_of, changing, refusals, together
from cluster_admin.inventory.api_serializers import (
    Imported,
    RevisionSerializer,
    RevisionWhole,
    SubclusterSerializer,
)
from cluster_admin.inventory.models import Revision, Subcluster
from cluster_admin.rest import headers
from cluster_admin.rest.bodies import Renderer, TextParser, TextRenderer
from cluster_admin.rest.problems import Code, Problem
from cluster_admin.rest.views import Changeable, Place, Resource, Written

NAME = "[a-z][a-z0-9_-]{0,62}"


class Subclusters(Changeable):
    """Subclusters; making and removing them is for administrators of everything."""

    kind = "subcluster"
    within = "name"
    queryset = Subcluster.objects.all()
    serializer_class = SubclusterSerializer
    search_fields = ("name", "description")
    ordering_fields = ("name", "revision")
    lookup_value_regex = NAME
    live: ClassVar[tuple[str, ...]] = ("revision", "nodes", "vips")

    def represent(self, row: Subcluster) -> dict[str, Any]:
        """A subcluster as JSON has it; the counts are the query's."""
        return {
            "name": row.name,
            "description": row.description,
            "revision": row.revision,
            "nodes": getattr(row, "nodes", 0),
            "vips": getattr(row, "vips", 0),
        }

    def check_place(self, data: dict[str, Any]) -> None:
        """A new subcluster is nowhere yet: only administrators of everything make one."""
        self.check_object_permissions(self.request, Subcluster(name=""))

    def make(self, data: dict[str, Any]) -> Written:
        """Make an empty one, with its first revision."""
        row = Subcluster(**data)
        dry_run = headers.is_dry_run(self.request)
        row.full_clean()
        with together(dry_run):
            row.save()
            with changing(self.request, row) as done:
                done.note("create", row)
        return came_of(done, row)

    def alter(self, row: Subcluster, body: BaseSerializer[Any]) -> Written:
        """Change the description."""
        with changing(self.request, row) as done:
            row = done.subcluster
            self.check_match(row)
            before = services.values_of(row)
            for name, value in body.validated_data.items():
                setattr(row, name, value)
            row.full_clean()
            row.save(update_fields=["description"])
            if before != services.values_of(row):
                done.note("update", row, before)
        return came_of(done, row)

    def remove(self, row: Subcluster) -> Written:
        """Remove it when it is empty."""
        self.check_object_permissions(self.request, Subcluster(name=""))
        reason, dry_run = headers.reason_of(self.request), headers.is_dry_run(self.request)
        diff = repository.difference(repository.newest_text(row), "")
        name = row.name
        with together(dry_run), refusals():
            self.check_match(Subcluster.objects.select_for_update().get(pk=row.pk))
            services.remove_subcluster(row, actor_of(self.request), reason, dry_run)
        return Written(subcluster=name, diff=diff)


class Definitions(Subclusters):
    """A subcluster's definitions as one file."""

    http_method_names: Any = ("get", "head", "put")
    parser_classes = (TextParser,)
    renderer_classes = (TextRenderer, Renderer)

    @extend_schema(responses={(200, "text/plain"): OpenApiTypes.STR})
    def show(self, request: Request, **_: Any) -> Response:
        """The file that nodes should act on."""
        row = self.get_object()
        text = repository.newest_text(row)
        found = {"ETag": headers.etag_of(text), headers.REVISION: str(row.revision)}
        return Response(text, headers=found, content_type="text/plain; charset=utf-8")

    @extend_schema(
        request={"text/plain": OpenApiTypes.STR},
        responses={(200, "application/json"): Imported},
    )
    def replace(self, request: Request, **_: Any) -> Response:
        """Make the subcluster what a file says."""
        row = self.get_object()
        text: Any = request.data
        if not isinstance(text, str) or not text.strip():
            raise Problem(Code.INVALID, "the body is empty; send a definitions file")
        reason, dry_run = headers.reason_of(request), headers.is_dry_run(request)
        with together(), refusals():
            locked = Subcluster.objects.select_for_update().get(pk=row.pk)
            headers.check_match(request, headers.etag_of(repository.newest_text(locked)))
            everywhere = allowed(request.user, Role.ADMIN)
            done = services.import_text(
                row, text, actor_of(request), reason, dry_run, add_segments=everywhere
            )
        request.accepted_renderer = Renderer()
        request.accepted_media_type = Renderer.media_type
        body = {"subcluster": row.name, "revision": done.revision, "diff": done.diff}
        response = Response({"dry_run": True, **body} if dry_run else body)
        response.headers[headers.REVISION] = str(done.revision)
        response.headers["ETag"] = headers.etag_of(repository.newest_text(row))
        return response


class Revisions(Resource):
    """The definitions files that a subcluster had, newest first."""

    kind = "revision"
    within = "subcluster__name"
    queryset = Revision.objects.select_related("subcluster").order_by("-number")
    serializer_class = RevisionSerializer
    search_fields = ("comment", "author")
    ordering_fields = ("number",)
    lookup_field, lookup_value_regex = "number", "[0-9]{1,18}"

    def get_queryset(self) -> QuerySet[Revision]:
        """Those of the subcluster in the URL, if the user may read it."""
        rows: QuerySet[Revision] = super().get_queryset()
        subcluster = named(self.kwargs["name"])
        self.check_object_permissions(self.request, Place(subcluster))
        return rows.filter(subcluster=subcluster)

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One page of them, without their texts."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset().defer("text")))
        return self.get_paginated_response([_told(row) for row in page or ()])

    @extend_schema(responses=RevisionWhole)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One of them, with its difference from the one before."""
        row = self.get_object()
        before = repository.text_before(row.subcluster, row.number)
        diff = repository.difference(before, row.text)
        return self.shown({**_told(row), "text": row.text, "diff": diff})


def named(name: str) -> Subcluster:
    """The subcluster in a URL."""
    row = Subcluster.objects.filter(name=name).first()
    if row is None:
        raise Problem(Code.NOT_FOUND, f"there is no subcluster {name}")
    return row


def _told(row: Revision) -> dict[str, Any]:
    names = ("number", "author", "comment", "created_at")
    return {name: getattr(row, name) for name in names}
