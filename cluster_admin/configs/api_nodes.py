"""Nodes in the API: how each stands to the repository, what was edited there, orders to it."""

from collections.abc import Iterable
from typing import Any

from django_filters.rest_framework import CharFilter, FilterSet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cluster_admin.accounts.services import actor_of
from cluster_admin.configs import api_shapes, deploying, diffs, drifting
from cluster_admin.configs.api_base import Configuration, refusals
from cluster_admin.configs.api_commits import ANSWERS, Committing
from cluster_admin.configs.api_serializers import (
    ApplyAnswer,
    ApplyBody,
    NodeAnswer,
    PutBody,
    ReplicaAnswer,
)
from cluster_admin.configs.models import Edit, Replica
from cluster_admin.configs.submitting import submit
from cluster_admin.inventory.models import Node
from cluster_admin.rest import headers
from cluster_admin.rest.problems import Code, Problem, cut, invalid
from cluster_admin.rest.views import Resource

APPLICATIONS = 20


class ReplicaFilters(FilterSet):
    """Exact words."""

    subcluster = CharFilter(max_length=63)


class Replicas(Resource):
    """How every node stands."""

    kind = "replica"
    within = "subcluster"
    queryset = Replica.objects.all()
    serializer_class = ReplicaAnswer
    filterset_class = ReplicaFilters
    search_fields = ("node",)
    ordering_fields = ("node", "subcluster", "number", "live", "heard_at", "drift_count")
    lookup_field = "node"

    def represent(self, row: Replica) -> dict[str, Any]:
        """A node's standing as JSON has it."""
        return api_shapes.replica(row)

    def represent_all(self, rows: Iterable[Replica]) -> list[dict[str, Any]]:
        """A page of them."""
        return api_shapes.replicas(rows)


class OneNode(Configuration):
    """A node."""

    @extend_schema(responses=NodeAnswer)
    def get(self, request: Request, node: str) -> Response:
        """How it stands, what differs there from what was applied, its newest applications."""
        row = self.node(request, node)
        standing = Replica.objects.filter(node=row.name).first()
        edits = list(drifting.edits_of(row))
        with refusals():
            found, problem = drifting.difference(row, standing, edits)
        applications = drifting.applications_of(row)[:APPLICATIONS]
        return Response(
            {
                "node": row.name,
                "subcluster": row.subcluster.name,
                "standing": standing and api_shapes.replica(standing),
                "drift": standing.drift if standing else [],
                "edits": list(map(api_shapes.edit, edits)),
                "diff": api_shapes.diff(found or diffs.Diff(())),
                "problem": problem,
                "applications": list(map(api_shapes.application, applications)),
            }
        )


class Put(Committing):
    """Edits of a node, committed."""

    verb = "put"
    write_role = "operator"

    @extend_schema(request=PutBody, responses=ANSWERS)
    def post(self, request: Request, node: str) -> Response:
        """Commit what was edited on a node to the node's own directory."""
        row = self.node(request, node)
        asked = self.asked(PutBody)
        with refusals():
            edits = _asked_for(row, asked.get("paths"))
            live = _under(row, edits)
            changes = drifting.kept(row, edits, live)
        self.check_writes(request, changes)
        message = asked["message"] or f"Edited on {row.name}: " + ", ".join(e.path for e in edits)
        return self.made(
            lambda: submit(
                actor_of(request),
                changes,
                cut(message, 1_000),
                base=live,
                key=asked["key"],
                dry_run=asked["dry_run"],
                emergency=asked["emergency"],
            ),
            asked["key"],
        )


class Apply(Configuration):
    """Orders to one node."""

    verb = "apply"
    write_scope = "operate"

    @extend_schema(request=ApplyBody, responses={202: ApplyAnswer})
    def post(self, request: Request, node: str) -> Response:
        """Have a node apply a revision now; what comes of it is in its applications."""
        row = self.node(request, node)
        body = ApplyBody(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        with refusals():
            deploying.apply(
                actor_of(request),
                row,
                revision=asked["revision"],
                over_edits=asked["over_edits"],
                reason=headers.reason_of(request),
            )
        return Response({"node": row.name, **asked}, status=202)


def _asked_for(node: Node, paths: list[str] | None) -> list[Edit]:
    """The edits of a node that are asked for; raises the problem of what is not known."""
    known = {row.path: row for row in drifting.edits_of(node)}
    if paths is None and not known:
        way = "nodes tell their edits every 5 minutes"
        raise Problem(Code.REFUSED, f"no edits are known of {node.name}; {way}")
    for path in paths or ():
        if path not in known:
            raise invalid(paths=f"{cut(path, 200)} is no edit that {node.name} told of")
    return [known[path] for path in sorted(set(known if paths is None else paths))]


def _under(node: Node, edits: list[Edit]) -> int:
    """The revision that was live under all of these edits."""
    lives = {row.live for row in edits}
    if len(lives) > 1:
        told = ", ".join(f"r{one}" for one in sorted(lives))
        way = "put them by path, one revision after the other"
        raise Problem(Code.REFUSED, f"the edits of {node.name} were made to {told}; {way}")
    return lives.pop() if lives else 0
