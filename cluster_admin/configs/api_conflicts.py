"""Conflicts of histories in the API: see what stands against what, and decide.

Whoever reads a subcluster sees its nodes; what revisions say is for who may read every subcluster.
To decide takes an administrator of every subcluster: the history is one for all.
"""

from collections.abc import Callable
from typing import Any, ClassVar

from django.urls import re_path
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cluster_admin.accounts.services import actor_of, readable
from cluster_admin.configs import conflict_ending, conflict_merging, conflict_shapes
from cluster_admin.configs.api_base import Configuration, refusals
from cluster_admin.configs.api_previews import previewed
from cluster_admin.configs.conflict_ending import Ended
from cluster_admin.configs.conflict_merging import Choice
from cluster_admin.configs.conflict_models import Conflict
from cluster_admin.configs.services import Made
from cluster_admin.rest import headers
from cluster_admin.rest.fields import Nothing

ANSWERS: dict[Any, Any] = {200: conflict_shapes.EndedAnswer, 409: None}
Decision = Callable[..., Ended]


class Conflicts(Configuration):
    """What stands against the manager's history."""

    kind = "conflict"

    @extend_schema(responses=conflict_shapes.ConflictAnswer)
    def get(self, request: Request) -> Response:
        """Nodes with revisions that the manager lacks, and histories that were given up."""
        names, rows = readable(request.user), Conflict.objects.all()
        if names is not None:
            rows = rows.filter(subcluster__in=names)
        with refusals():
            return Response(conflict_shapes.conflict(rows, whole=names is None))


class Deciding(Configuration):
    """Decisions."""

    kind = "conflict"
    within = ""
    write_role = "admin"
    parameters: ClassVar[tuple[str, ...]] = ("dry_run",)

    def asked(self, request: Request, body: Any = Nothing) -> dict[str, Any]:
        """What is asked for, checked for form."""
        told = body(data=request.data)
        told.is_valid(raise_exception=True)
        return dict(told.validated_data)

    def decided(self, request: Request, decide: Decision, *words: Any, **values: Any) -> Response:
        """Decide, and tell what came of it."""
        dry_run, reason = headers.is_dry_run(request), headers.reason_of(request)
        with refusals():
            ended = decide(actor_of(request), *words, **values, reason=reason, dry_run=dry_run)
        return _told(ended, None, dry_run=dry_run)


class Master(Deciding):
    """A node's history counts."""

    verb = "master"

    @extend_schema(request=None, responses=ANSWERS)
    def post(self, request: Request, node: str) -> Response:
        """Take up a node's history; the manager's own is kept beside."""
        self.asked(request)
        return self.decided(request, conflict_ending.master, node)


class Override(Deciding):
    """The manager's history counts."""

    verb = "override"

    @extend_schema(request=None, responses=ANSWERS)
    def post(self, request: Request, node: str) -> Response:
        """Have a node take up the manager's history; its own is kept there."""
        self.asked(request)
        return self.decided(request, conflict_ending.override, node)


class Resolve(Deciding):
    """Both histories count."""

    verb = "resolve"

    @extend_schema(request=conflict_shapes.ResolveBody, responses=ANSWERS)
    def post(self, request: Request, node: str) -> Response:
        """Merge a node's history into the manager's, as one revision."""
        side = self.asked(request, conflict_shapes.ResolveBody).get("side")
        dry_run, reason = headers.is_dry_run(request), headers.reason_of(request)
        choice = None if side is None else Choice(side)
        with refusals():
            made, ended = conflict_merging.resolve(
                actor_of(request), node, choice, reason=reason, dry_run=dry_run
            )
        return _told(ended, made, dry_run=dry_run)


class Resume(Deciding):
    """Commits go on."""

    verb = "resume"

    @extend_schema(request=conflict_shapes.ResumeBody, responses=ANSWERS)
    def post(self, request: Request) -> Response:
        """Commit again, once nothing differs any more, or though it does."""
        force = self.asked(request, conflict_shapes.ResumeBody).get("force", False)
        return self.decided(request, conflict_ending.resume, force=force)


def _told(ended: Ended, made: Made | None, *, dry_run: bool) -> Response:
    document: dict[str, Any] = {
        "dry_run": dry_run,
        "head": ended.head,
        "given_up": ended.given_up,
        "open": list(ended.open),
        "revision": made.revision.number if made and made.revision else None,
    }
    if dry_run and made is not None:
        document["nodes"] = previewed(made.previews)
    return Response(document)


NODE = "(?P<node>[a-z0-9][a-z0-9-]{0,62})"
urlpatterns = [
    re_path(r"^config/conflict/$", Conflicts.as_view(), name="config-conflict"),
    re_path(r"^config/conflict/resume/$", Resume.as_view(), name="config-conflict-resume"),
    re_path(rf"^config/conflict/{NODE}/master/$", Master.as_view(), name="config-master"),
    re_path(rf"^config/conflict/{NODE}/override/$", Override.as_view(), name="config-override"),
    re_path(rf"^config/conflict/{NODE}/resolve/$", Resolve.as_view(), name="config-resolve"),
]
