"""Deployments in the API: which revision shall be live on the nodes of each subcluster."""

import json
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cluster_admin.accounts.services import actor_of, readable
from cluster_admin.configs import api_shapes, deploying, deployments, diffs
from cluster_admin.configs.api_base import Configuration, refusals
from cluster_admin.configs.api_serializers import DeploymentSerializer
from cluster_admin.configs.models import Deployment
from cluster_admin.inventory.api_base import together
from cluster_admin.inventory.models import Subcluster
from cluster_admin.rest import headers
from cluster_admin.rest.problems import Code, Problem, cut
from cluster_admin.rest.views import Place


class Deployments(Configuration):
    """Every subcluster's."""

    kind = "deployment"

    @extend_schema(responses=DeploymentSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Those of the subclusters that the user may read."""
        names = readable(request.user)
        rows = (
            Subcluster.objects.all() if names is None else Subcluster.objects.filter(name__in=names)
        )
        said = {row.subcluster_id: row for row in Deployment.objects.all()}
        follows = Deployment(mode=Deployment.Mode.FOLLOW)
        return Response(
            [api_shapes.deployment(row.name, said.get(row.pk, follows)) for row in rows]
        )


class OneDeployment(Configuration):
    """A subcluster's."""

    kind = "deployment"
    write_scope = "operate"

    def known_parameters(self) -> tuple[str, ...]:
        """Changes may be tried."""
        return () if self.request.method in ("GET", "HEAD") else ("dry_run",)

    @extend_schema(responses=DeploymentSerializer)
    def get(self, request: Request, name: str) -> Response:
        """Which revision shall be live there."""
        return _shown(self._represented(self._subcluster(name)))

    @extend_schema(request=DeploymentSerializer, responses=DeploymentSerializer)
    def patch(self, request: Request, name: str) -> Response:
        """Say which revision shall be live, or that each commit is at once."""
        row = self._subcluster(name)
        body = DeploymentSerializer(data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        dry_run, reason = headers.is_dry_run(request), headers.reason_of(request)
        with together(dry_run), refusals():
            locked = Subcluster.objects.select_for_update().get(pk=row.pk)
            before = self._represented(locked)
            headers.check_match(request, headers.etag_of(before))
            asked: dict[str, Any] = body.validated_data
            if asked:
                deploying.deploy(
                    actor_of(request),
                    locked,
                    revision=asked.get("revision"),
                    mode=asked.get("mode", ""),
                    reason=reason,
                )
            after = self._represented(locked)
        if dry_run:
            told = {"dry_run": True, "subcluster": row.name, "revision": None}
            return Response({**told, "diff": _difference(before, after)})
        return _shown(after)

    def _subcluster(self, name: str) -> Subcluster:
        row = Subcluster.objects.filter(name=name).first()
        if row is None:
            raise Problem(Code.NOT_FOUND, f"there is no subcluster {cut(name, 63)}")
        self.check_object_permissions(self.request, Place(row.name))
        return row

    def _represented(self, row: Subcluster) -> dict[str, Any]:
        return api_shapes.deployment(row.name, deployments.pointer(row.name))


def _shown(document: dict[str, Any]) -> Response:
    return Response(document, headers={"ETag": headers.etag_of(document)})


def _difference(before: dict[str, Any], after: dict[str, Any]) -> str:
    sides = [
        {"deployment": diffs.Plain(json.dumps(one, indent=1).encode() + b"\n")}
        for one in (before, after)
    ]
    return diffs.unified(diffs.of_trees(sides[0], sides[1]))
