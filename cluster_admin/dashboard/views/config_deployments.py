"""Deploying by hand: which revision a subcluster's nodes shall run, and what that changes on each.

The page's address says what is chosen, so that others can look at the same; the differences are
shown before the button.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views import View

from cluster_admin.accounts.roles import Role
from cluster_admin.accounts.services import allowed
from cluster_admin.audit.actor import Actor
from cluster_admin.configs import deploying, deployments
from cluster_admin.configs.diffs import Diff, FileDiff
from cluster_admin.configs.models import Deployment, Replica
from cluster_admin.configs.rollout_previewing import NODES_MAX, of_nodes
from cluster_admin.dashboard import scope
from cluster_admin.dashboard.config_pages import revision_asked
from cluster_admin.dashboard.tables import number, word
from cluster_admin.dashboard.views.config_base import ConfigPage, newest_number, sight
from cluster_admin.dashboard.views.operating import Deed, operate
from cluster_admin.inventory.models import Node, Subcluster

Mode = Deployment.Mode


@dataclass(frozen=True, slots=True)
class Change:
    """Nodes on which the same changes."""

    nodes: list[str]
    files: tuple[FileDiff, ...]
    more: int
    """Files that change too and are not shown."""
    problem: str
    """Why there is nothing to show; empty: it is shown, or nothing changes."""

    @property
    def count(self) -> int:
        """Files that change, shown or not."""
        return len(self.files) + self.more


class ConfigDeployment(ConfigPage):
    """A subcluster: how it is deployed, and what another choice would change."""

    template, part = "dashboard/config/deployment.html", "dashboard/config/parts/deployment.html"

    def context(self, request: HttpRequest, **named: str) -> dict[str, Any]:
        """The choice of the address: a mode, and in the mode `manual` a revision."""
        subcluster = get_object_or_404(scope.subclusters(request.user), name=named["name"])
        newest = newest_number()
        mode = word(request.GET, "mode")
        found: dict[str, Any] = {
            "subcluster": subcluster.name,
            "pointer": deployments.pointer(subcluster.name),
            "newest_number": newest,
            "mode": mode,
            "modes": Mode.values,
            "may_operate": allowed(request.user, Role.OPERATOR, subcluster.name),
            "revision": number(request.GET, "revision", newest),
        }
        if mode not in Mode.values:
            return found
        wanted = newest if mode == Mode.FOLLOW else revision_asked(request.GET, newest)
        changes, left_out = _changes(subcluster, wanted, sight(request))
        return found | {"wanted": wanted, "changes": changes, "left_out": left_out}


class Deploy(LoginRequiredMixin, View):
    """The button below the differences."""

    http_method_names = ("post",)

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Do it, and show the page with what came of it."""
        subcluster = get_object_or_404(scope.subclusters(request.user), name=name)
        mode = request.POST.get("mode", "")
        revision = number(request.POST, "revision", -1) if mode == Mode.MANUAL else None
        problem = "" if mode in Mode.values else "choose a mode: follow or manual"
        if revision is not None and revision < 1:
            problem = "say which revision: a number from 1 on"

        def work(actor: Actor, reason: str) -> str:
            deploying.deploy(actor, subcluster, revision=revision, mode=mode, reason=reason)
            if mode == Mode.FOLLOW:
                return f"{name} follows: each commit is deployed at once"
            return f"{name} shall run r{revision} until you say otherwise"

        denial = (
            f"Deploying needs the role operator in subcluster {name}; ask an administrator for it."
        )
        deed = Deed("deploy", "deployment", name, name, "dashboard:config-deployment", denial)
        return operate(request, deed, problem, work)


def _changes(
    subcluster: Subcluster, wanted: int, sees: Callable[[str], bool]
) -> tuple[list[Change], int]:
    """What each node would get instead of what it runs, nodes alike together; how many more."""
    names = list(
        Node.objects.filter(subcluster=subcluster).order_by("name").values_list("name", flat=True)
    )
    runs = dict(Replica.objects.filter(node__in=names).values_list("node", "live"))
    together: dict[tuple[Diff, str], list[str]] = {}
    for one in of_nodes({name: runs.get(name, 0) for name in names[:NODES_MAX]}, wanted, sees):
        together.setdefault((one.diff, one.problem), []).append(one.node)
    found = [
        Change(nodes, diff.files, diff.more, problem) for (diff, problem), nodes in together.items()
    ]
    return found, max(0, len(names) - NODES_MAX)
