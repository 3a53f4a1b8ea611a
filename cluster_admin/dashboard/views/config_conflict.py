"""Histories that stand against the manager's: what each side has alone, and the decision."""

from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views import View

from cluster_admin.accounts.roles import Role
from cluster_admin.accounts.services import EVERY, allowed, readable
from cluster_admin.audit.actor import Actor
from cluster_admin.configs import conflict_ending, conflict_merging, conflict_shapes
from cluster_admin.configs.conflict_merging import Choice
from cluster_admin.configs.conflict_models import Conflict
from cluster_admin.configs.refusals import Refused as Unfit
from cluster_admin.dashboard.views.config_base import ConfigPage
from cluster_admin.dashboard.views.operating import Deed, operate
from cluster_admin.inventory.refusals import Refused
from workers.config.errors import ConfigError
from workers.repository.errors import RepositoryError

DECISIONS = {
    "master": "The node's history counts",
    "override": "The manager's history counts",
    "resolve": "Both are merged",
}
SIDES = {"": "refuse what clashes", "mine": "the manager's side", "theirs": "the node's side"}


class Histories(ConfigPage):
    """Every node with revisions that the manager lacks."""

    template, part = "dashboard/config/live.html", "dashboard/config/parts/histories.html"

    def context(self, request: HttpRequest, **named: str) -> dict[str, Any]:
        """What stands against what, of the nodes that the reader may see."""
        names = readable(request.user)
        rows = Conflict.objects.all()
        if names is not None:
            rows = rows.filter(subcluster__in=names)
        return {
            "title": "Conflict of histories",
            "found": conflict_shapes.conflict(rows, whole=names is None),
            "may_decide": allowed(request.user, Role.ADMIN, EVERY),
            "decisions": DECISIONS,
            "sides": SIDES,
        }


class Decide(LoginRequiredMixin, View):
    """A decision about one node, or that commits go on."""

    http_method_names = ("post",)

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Do it, and show the page with what came of it."""
        row = get_object_or_404(Conflict, node=name)
        verb, side = request.POST.get("decision", ""), request.POST.get("side", "")
        problem = ""
        if verb not in DECISIONS or side not in SIDES:
            problem = "choose what counts: the node's history, the manager's, or both merged"

        def work(actor: Actor, reason: str) -> str:
            try:
                return _decided(actor, row.node, verb, side, reason)
            except (RepositoryError, ConfigError, Unfit) as error:
                raise Refused(str(error)) from error

        denial = "Deciding whose history counts needs the role admin of every subcluster."
        page = "dashboard:config-conflict-node"
        deed = Deed(verb or "decide", "configuration", name, EVERY, page, denial, Role.ADMIN)
        return operate(request, deed, problem, work)


class Resume(LoginRequiredMixin, View):
    """Commits go on."""

    http_method_names = ("post",)

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Do it; by force if that is said: nodes that differ stay as they are."""
        force = request.POST.get("force") == "1"

        def work(actor: Actor, reason: str) -> str:
            try:
                conflict_ending.resume(actor, force=force, reason=reason)
            except RepositoryError as error:
                raise Refused(str(error)) from error
            return "commits go on"

        denial = "Ending a conflict needs the role admin of every subcluster."
        page = "dashboard:config-conflict-node"
        deed = Deed("resume", "configuration", name, EVERY, page, denial, Role.ADMIN)
        return operate(request, deed, "", work)


def _decided(actor: Actor, node: str, verb: str, side: str, reason: str) -> str:
    """Decide; the sentence of success."""
    if verb == "resolve":
        choice = Choice(side) if side else None
        made, _ = conflict_merging.resolve(actor, node, choice, reason=reason)
        merged = f"r{made.head}" if made else "nothing new was in it"
        return f"the history of {node} is merged: {merged}"
    decide = conflict_ending.master if verb == "master" else conflict_ending.override
    ended = decide(actor, node, reason=reason)
    whose = f"{node}'s" if verb == "master" else "the manager's"
    return f"{whose} history counts, r{ended.head}; revisions kept aside: {ended.given_up}"
