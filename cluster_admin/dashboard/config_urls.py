"""Addresses of the configuration's pages, below /config/."""

from django.urls import path, register_converter
from django.urls.converters import IntConverter

from cluster_admin.dashboard.views import (
    config_conflict,
    config_deployments,
    config_edit,
    config_files,
    config_history,
    config_nodes,
    config_promote,
    config_proposals,
    config_resolve,
    config_review,
    config_rollouts,
)


class RevisionConverter(IntConverter):
    """A number that every database takes."""

    regex = "[0-9]{1,15}"


register_converter(RevisionConverter, "revision")
urlpatterns = [
    path("", config_history.History.as_view(), name="config"),
    path(
        "revisions/<revision:number>/",
        config_history.RevisionPage.as_view(),
        name="config-revision",
    ),
    path(
        "revisions/<revision:number>/revert/", config_resolve.Revert.as_view(), name="config-revert"
    ),
    path("tree/", config_files.TreePage.as_view(), name="config-tree"),
    path("tree/<path:path>/", config_files.TreePage.as_view(), name="config-tree"),
    path("file/<path:path>/", config_files.FilePage.as_view(), name="config-file"),
    path("new/", config_edit.Editor.as_view(), name="config-new"),
    path("edit/<path:path>/", config_edit.Editor.as_view(), name="config-edit"),
    path("further/", config_edit.EditFurther.as_view(), name="config-further"),
    path("delete/<path:path>/", config_edit.Delete.as_view(), name="config-delete"),
    path("rename/<path:path>/", config_edit.Rename.as_view(), name="config-rename"),
    path("commit/", config_review.Commit.as_view(), name="config-commit"),
    path("promote/", config_promote.Promote.as_view(), name="config-promote"),
    path("proposals/", config_proposals.ConfigProposals.as_view(), name="config-proposals"),
    path(
        "proposals/<revision:number>/",
        config_proposals.ConfigProposal.as_view(),
        name="config-proposal",
    ),
    path(
        "proposals/<revision:number>/decide/",
        config_proposals.DecideProposal.as_view(),
        name="config-proposal-decide",
    ),
    path(
        "deployments/<plain:name>/",
        config_deployments.ConfigDeployment.as_view(),
        name="config-deployment",
    ),
    path(
        "deployments/<plain:name>/deploy/",
        config_deployments.Deploy.as_view(),
        name="config-deploy",
    ),
    path("resolve/", config_resolve.Resolve.as_view(), name="config-resolve"),
    path("conflict/", config_conflict.Histories.as_view(), name="config-conflict"),
    path(
        "conflict/<plain:name>/", config_conflict.Histories.as_view(), name="config-conflict-node"
    ),
    path(
        "conflict/<plain:name>/decide/",
        config_conflict.Decide.as_view(),
        name="config-conflict-decide",
    ),
    path(
        "conflict/<plain:name>/resume/",
        config_conflict.Resume.as_view(),
        name="config-conflict-resume",
    ),
    path("nodes/", config_nodes.ConfigNodes.as_view(), name="config-nodes"),
    path("nodes/<plain:name>/", config_nodes.ConfigNode.as_view(), name="config-node"),
    path("nodes/<plain:name>/drift/", config_nodes.Drift.as_view(), name="config-drift"),
    path("nodes/<plain:name>/put/", config_resolve.Put.as_view(), name="config-put"),
    path("nodes/<plain:name>/apply/", config_nodes.Apply.as_view(), name="config-apply"),
    path("rollouts/", config_rollouts.ConfigRollouts.as_view(), name="config-rollouts"),
    path("rollouts/start/", config_rollouts.StartRollout.as_view(), name="config-rollout-start"),
    path(
        "rollouts/<revision:name>/", config_rollouts.ConfigRollout.as_view(), name="config-rollout"
    ),
    path(
        "rollouts/<revision:name>/steer/",
        config_rollouts.SteerRollout.as_view(),
        name="config-rollout-steer",
    ),
    path(
        "rollouts/in/<plain:name>/",
        config_rollouts.ConfigRollouts.as_view(),
        name="config-rollouts-in",
    ),
]
