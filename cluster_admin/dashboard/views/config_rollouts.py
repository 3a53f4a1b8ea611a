"""Rollouts: which there were, one as it goes, and what an operator does with it."""

from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views import View

from cluster_admin.accounts.roles import Role
from cluster_admin.accounts.services import allowed, readable
from cluster_admin.audit.actor import Actor
from cluster_admin.configs import rollouts
from cluster_admin.configs.rollout_models import Rollout
from cluster_admin.configs.rollouts import Wish
from cluster_admin.dashboard import scope
from cluster_admin.dashboard.config_pages import paged
from cluster_admin.dashboard.config_rollout_rows import member_rows, rollout_row
from cluster_admin.dashboard.tables import number
from cluster_admin.dashboard.views.config_base import ConfigPage, newest_number
from cluster_admin.dashboard.views.operating import Deed, operate
from workers.config.core.rollout_values import Settings, Stops

ROWS = 50
FACTS = 60
NODES_MAX, SECONDS_MAX = 1_000, 86_400
DEEDS = {
    "pause": (rollouts.pause, "is paused: no further node has its turn"),
    "resume": (rollouts.resume, "goes on"),
    "abort": (rollouts.abort, "goes back: every node that has it is ordered to what it had"),
}


class ConfigRollouts(ConfigPage):
    """All rollouts that the reader may see."""

    template, part = "dashboard/config/rollouts.html", "dashboard/config/parts/rollouts.html"

    def context(self, request: HttpRequest, **named: str) -> dict[str, Any]:
        """The newest first, and the subclusters in which the reader may start one."""
        pages = paged(list(visible(request.user)[: rollouts.KEPT]), request.GET, ROWS)
        mine = [
            one.name
            for one in scope.subclusters(request.user)
            if allowed(request.user, Role.OPERATOR, one.name)
        ]
        return {
            "rows": [rollout_row(one) for one in pages.rows],
            "pages": pages,
            "mine": mine,
            "newest_number": newest_number(),
            "usual": Settings(),
            "stops": [one.value for one in Stops],
        }


class ConfigRollout(ConfigPage):
    """One rollout."""

    template, part = "dashboard/config/rollout.html", "dashboard/config/parts/rollout.html"

    def context(self, request: HttpRequest, **named: Any) -> dict[str, Any]:
        """How each node stands, and what happened, the newest first."""
        row = rollout_row(get_object_or_404(visible(request.user), pk=named["name"]))
        return {
            "row": row,
            "members": member_rows(row.state),
            "facts": row.row.facts.order_by("-id")[:FACTS],
            "may_operate": allowed(request.user, Role.OPERATOR, row.row.subcluster),
            "deeds": tuple(DEEDS),
        }


class SteerRollout(LoginRequiredMixin, View):
    """Pausing, going on, aborting."""

    http_method_names = ("post",)

    def post(self, request: HttpRequest, name: int) -> HttpResponse:
        """Do it, and show the rollout's page with what came of it."""
        row = get_object_or_404(visible(request.user), pk=name)
        verb = request.POST.get("deed", "")
        known = verb in DEEDS

        def work(actor: Actor, reason: str) -> str:
            done, sentence = DEEDS[verb]
            done(actor, row, reason)
            return f"{row} {sentence}"

        problem = "" if known else f"{verb[:40]!r} is nothing to do with it; pause or abort it"
        where = (row.subcluster, "dashboard:config-rollout")
        action = verb if known else "steer"
        deed = Deed(action, "rollout", str(row.pk), *where, _denial("Steering", row.subcluster))
        return operate(request, deed, problem, work)


class StartRollout(LoginRequiredMixin, View):
    """Starting one."""

    http_method_names = ("post",)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Do it, and show the page of rollouts with what came of it."""
        told = request.POST.get("subcluster", "")
        subcluster = get_object_or_404(scope.subclusters(request.user), name=told)
        wish, problem = _wish(request)

        def work(actor: Actor, reason: str) -> str:
            row = rollouts.start(actor, subcluster, wish, reason=reason)
            return f"{row} has begun"

        where = (subcluster.name, "dashboard:config-rollouts-in")
        denial = _denial("Starting", subcluster.name)
        deed = Deed("start", "rollout", subcluster.name, *where, denial)
        return operate(request, deed, problem, work)


def visible(user: Any) -> QuerySet[Rollout]:
    """Rollouts in the subclusters that a user may read, the newest first."""
    names = readable(user)
    rows = Rollout.objects.all()
    return rows if names is None else rows.filter(subcluster__in=names)


def _wish(request: HttpRequest) -> tuple[Wish, str]:
    """What a form asks for, and what is wrong with it."""
    form = request.POST
    names = {"revision": 10**15, "canary": NODES_MAX, "batch": NODES_MAX, "pause": SECONDS_MAX}
    told = {name: number(form, name, -1) for name in names}
    stops = form.get("stops", "")
    for name, most in names.items():
        least = 0 if name == "pause" else 1
        if not least <= told[name] <= most:
            return Wish(0), f"{name}: write a whole number from {least} to {most}"
    if stops not in [one.value for one in Stops]:
        return Wish(0), f"stops: choose one of {', '.join(Stops)}"
    settings = Settings(
        pause_seconds=told["pause"], stops=Stops(stops), drain=form.get("drain") == "1"
    )
    return Wish(told["revision"], told["canary"], told["batch"], settings=settings), ""


def _denial(verb: str, subcluster: str) -> str:
    return (
        f"{verb} a rollout needs the role operator in subcluster {subcluster}; "
        "ask an administrator for it."
    )
