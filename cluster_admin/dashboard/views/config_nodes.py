"""The configuration on the nodes: who runs what, what came of it, what was edited there."""

from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views import View

from cluster_admin.accounts.roles import Role
from cluster_admin.accounts.services import allowed
from cluster_admin.audit.actor import Actor
from cluster_admin.configs import deploying, drifting
from cluster_admin.configs.models import Deployment, Replica
from cluster_admin.configs.packs import head_of
from cluster_admin.configs.refusals import Refused
from cluster_admin.configs.store import repository
from cluster_admin.dashboard import config_node_rows, scope
from cluster_admin.dashboard.config_node_rows import matching, outcome_badge, rows_of, took
from cluster_admin.dashboard.config_pages import paged
from cluster_admin.dashboard.tables import number
from cluster_admin.dashboard.views.base import answer, common
from cluster_admin.dashboard.views.config_base import ConfigPage
from cluster_admin.dashboard.views.operating import Deed, operate
from cluster_admin.inventory.models import Subcluster
from workers.config.errors import ConfigError
from workers.repository.errors import RepositoryError

ROWS = 100
APPLICATIONS = 15
EDITS = 50
"""Edited files whose lines are shown."""


class ConfigNodes(ConfigPage):
    """All nodes."""

    template, part = "dashboard/config/live.html", "dashboard/config/parts/nodes.html"

    def context(self, request: HttpRequest, **named: str) -> dict[str, Any]:
        """The nodes that the filters ask for, and what each subcluster shall run."""
        head = head_of(repository())
        nodes = scope.nodes(request.user).select_related(None).select_related("subcluster")
        rows = rows_of(nodes.order_by("name"), head, timezone.now())
        pages = paged(matching(rows, request.GET), request.GET, ROWS)
        subclusters = list(scope.subclusters(request.user))
        return {
            "title": "Configuration on the nodes",
            "rows": pages.rows,
            "pages": pages,
            "subclusters": subclusters,
            "states": config_node_rows.STATES,
            "deployments": shall_run(subclusters, head.number),
        }


class ConfigNode(ConfigPage):
    """One node."""

    template, part = "dashboard/config/node.html", "dashboard/config/parts/node.html"

    def context(self, request: HttpRequest, **named: str) -> dict[str, Any]:
        """How it stands, its last applications, its local edits."""
        node = get_object_or_404(scope.nodes(request.user), name=named["name"])
        head = head_of(repository())
        (row,) = rows_of([node], head, timezone.now())
        applied = list(drifting.applications_of(node)[:APPLICATIONS])
        return {
            "row": row,
            "newest_number": head.number,
            "applications": [
                {"row": one, "badge": outcome_badge(one.outcome), "took": took(one.seconds)}
                for one in applied
            ],
            "failure": next((one for one in applied if one.output), None),
            "edits": drifting.edits_of(node).count(),
            "may_operate": allowed(request.user, Role.OPERATOR, node.subcluster.name),
        }


class Drift(LoginRequiredMixin, View):
    """What was edited on a node, line by line: a part of its page, since it takes a rendering."""

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        """The differences, and the paths of which no content is known."""
        node = get_object_or_404(scope.nodes(request.user), name=name)
        replica = Replica.objects.filter(node=name).first()
        edits = list(drifting.edits_of(node)[:EDITS])
        try:
            found, note = drifting.difference(node, replica, edits)
        except (RepositoryError, ConfigError, Refused) as error:
            found, note = None, str(error)
        files = () if found is None else found.files
        told = {one.path for one in files}
        context = {
            "files": files,
            "note": note,
            "bare": [one for one in (replica.drift if replica else ()) if one["path"] not in told],
        }
        return answer(request, "dashboard/config/parts/drift.html", common(request) | context)


class Apply(LoginRequiredMixin, View):
    """Applying again, over local edits if that is said."""

    http_method_names = ("post",)

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Order it, and show the node's page with what came of it."""
        node = get_object_or_404(scope.nodes(request.user), name=name)
        revision = number(request.POST, "revision", -1)
        over_edits = request.POST.get("over_edits") == "1"

        def work(actor: Actor, reason: str) -> str:
            deploying.apply(actor, node, revision=revision, over_edits=over_edits, reason=reason)
            over = ", over its local edits" if over_edits else ""
            return f"{name} is asked to apply r{revision}{over}; what comes of it shows below"

        denial = (
            f"Applying on {node.name} needs the role operator in subcluster "
            f"{node.subcluster.name}; ask an administrator for it."
        )
        place = (node.subcluster.name, "dashboard:config-node")
        deed = Deed("apply", "node", node.name, *place, denial)
        return operate(request, deed, "" if revision > 0 else "say which revision", work)


def shall_run(subclusters: list[Subcluster], newest: int) -> list[dict[str, Any]]:
    """What each subcluster shall run, and whether each commit is deployed by itself: one query."""
    manual = Deployment.objects.filter(
        subcluster__in=subclusters, mode=Deployment.Mode.MANUAL
    ).values_list("subcluster_id", "revision")
    pointers = dict(manual)
    return [
        {
            "name": one.name,
            "follows": one.pk not in pointers,
            "revision": pointers.get(one.pk, newest),
        }
        for one in subclusters
    ]
