"""The addresses of the configuration under /api/v1/config/."""

from django.urls import re_path

from cluster_admin.configs.api_commits import Commits, Copies, Reverts
from cluster_admin.configs.api_conflicts import urlpatterns as conflicts
from cluster_admin.configs.api_deployments import Deployments, OneDeployment
from cluster_admin.configs.api_diffs import Difference, Render
from cluster_admin.configs.api_nodes import Apply, OneNode, Put, Replicas
from cluster_admin.configs.api_places import Promotions, SubclusterCopies
from cluster_admin.configs.api_proposals import urlpatterns as proposals
from cluster_admin.configs.api_revisions import Archive, File, OneRevision, Revisions, Tree
from cluster_admin.configs.api_rollouts import urlpatterns as rollouts

NUMBER = "(?P<number>[0-9]{1,15})"
NODE = "(?P<node>[a-z0-9][a-z0-9-]{0,62})"
SUBCLUSTER = "(?P<name>[a-z][a-z0-9_-]{0,62})"

urlpatterns = [
    re_path(r"^config/revisions/$", Revisions.as_view(), name="config-revisions"),
    re_path(rf"^config/revisions/{NUMBER}/$", OneRevision.as_view(), name="config-revision"),
    re_path(rf"^config/revisions/{NUMBER}/tree/$", Tree.as_view(), name="config-tree"),
    re_path(rf"^config/revisions/{NUMBER}/file/$", File.as_view(), name="config-file"),
    re_path(r"^config/diff/$", Difference.as_view(), name="config-diff"),
    re_path(rf"^config/render/{NODE}/$", Render.as_view(), name="config-render"),
    re_path(r"^config/archive/$", Archive.as_view(), name="config-archive"),
    re_path(r"^config/commits/$", Commits.as_view(), name="config-commits"),
    re_path(r"^config/revert/$", Reverts.as_view(), name="config-revert"),
    re_path(r"^config/copy/$", Copies.as_view(), name="config-copy"),
    re_path(r"^config/promote/$", Promotions.as_view(), name="config-promote"),
    re_path(
        r"^config/copy-subcluster/$", SubclusterCopies.as_view(), name="config-copy-subcluster"
    ),
    re_path(rf"^config/nodes/{NODE}/$", OneNode.as_view(), name="config-node"),
    re_path(rf"^config/nodes/{NODE}/put/$", Put.as_view(), name="config-put"),
    re_path(rf"^config/nodes/{NODE}/apply/$", Apply.as_view(), name="config-apply"),
    re_path(r"^config/deployments/$", Deployments.as_view(), name="config-deployments"),
    re_path(
        rf"^config/deployments/{SUBCLUSTER}/$", OneDeployment.as_view(), name="config-deployment"
    ),
    re_path(r"^config/replicas/$", Replicas.as_view({"get": "list"}), name="config-replicas"),
    *proposals,
    *rollouts,
    *conflicts,
]
