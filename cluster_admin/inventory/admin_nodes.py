"""Nodes in the admin: what defines them, how they are, and what operators want of them."""

from dataclasses import replace
from typing import Any

from django.contrib import admin
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.safestring import SafeString

from cluster_admin.accounts.roles import Role
from cluster_admin.accounts.services import actor_of
from cluster_admin.audit.actor import Actor
from cluster_admin.inventory import removal, services
from cluster_admin.inventory.admin_base import DefiningAdmin, DefiningForm
from cluster_admin.inventory.admin_confirm import Plan, change_each, delete_rows
from cluster_admin.inventory.admin_fields import PairsField
from cluster_admin.inventory.admin_filters import BY_SUBCLUSTER
from cluster_admin.inventory.admin_live import badge, listed, moment, of_status
from cluster_admin.inventory.models import Node, NodeStatus, Topology
from cluster_admin.inventory.services import Change

LIVE = ("verdict", "state", "objection", "acts_on", "problem", "members", "rings", "warnings")
WISHES = {
    "drain": (Node.Admin.DRAINING, "Drain these nodes? Their VIPs move to others, in turns."),
    "undrain": (Node.Admin.ENABLED, "Let these nodes hold VIPs again?"),
    "maintenance": (
        Node.Admin.MAINTENANCE,
        "Put these nodes into maintenance? They give up every VIP.",
    ),
}


def _revisions(status: NodeStatus) -> str:
    """The revision in force there, and a newer one that it knows."""
    if not status.revision:
        return ""
    newer = status.known_revision > status.revision
    return f"r{status.revision}" + (f", knows r{status.known_revision}" if newer else "")


def _rings(status: NodeStatus) -> str:
    return "; ".join(f"{name}: {value}" for name, value in status.rings.items())


def _remove(done: Change, nodes: list[Node]) -> None:
    removal.check(done, nodes)
    delete_rows(done, nodes)


class NodeForm(DefiningForm):
    """Interfaces are written `network = interface`, one per line."""

    interfaces = PairsField(
        label="Other interfaces",
        help_text="Where this node's interface is not the topology's: 198.18.0.0/24 = eth1, "
        "one per line.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "interfaces" in self.fields and self.instance.pk:
            rows = Topology.objects.filter(subcluster=self.instance.subcluster_id)
            offers = [(f"{row.cidr} = {row.interface}", "") for row in rows]
            self.fields["interfaces"].widget.offers = offers


class NodeAdmin(DefiningAdmin):
    """Whoever operates a subcluster drains its nodes; whoever administers it defines them."""

    form = NodeForm
    list_display = (
        *("name", "subcluster", "address", "wanted", "verdict", "state", "acts_on", "heard"),
        *("segment", "weight"),
    )
    list_filter = (*(BY_SUBCLUSTER, "admin_state", "status__verdict", "status__state", "segment"),)
    list_select_related = ("subcluster", "segment", "status")
    search_fields = ("name", "address")
    autocomplete_fields = ("subcluster", "segment")
    actions = ("drain", "undrain", "maintenance", "remove", "export_csv")
    readonly_fields = (*LIVE, "heard")
    identity = ("subcluster", "name")
    fieldsets = (
        (None, {"fields": ("subcluster", "name", "address", "admin_state")}),
        ("Where and how much", {"fields": ("segment", "interfaces", "weight", "ring_port")}),
        ("Why", {"fields": ("reason",)}),
        ("How it is", {"fields": (*LIVE, "heard")}),
    )

    def get_urls(self) -> Any:
        """Add a page that asks for each wish."""
        view = self.admin_site.admin_view(self.wish_view)
        name = "inventory_node_wish"
        return [path("<int:pk>/<slug:wish>/ask/", view, name=name), *super().get_urls()]

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Whether the user may say what nodes should do."""
        return self.may(request, Role.OPERATOR)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """A node that is not there yet has no state."""
        found = list(super().get_fieldsets(request, obj))
        return found if obj else found[:-1]

    def form_page(
        self, request: HttpRequest, object_id: str | None, form_url: str, extra_context: Any
    ) -> HttpResponse:
        """Add the wishes to the page's tools."""
        tools = []
        if object_id and object_id.isdecimal() and self.has_operate_permission(request):
            for wish in WISHES:
                address = reverse("admin:inventory_node_wish", args=(object_id, wish))
                tools.append((wish.capitalize(), address))
        return super().form_page(
            request, object_id, form_url, {"tools": tools, **(extra_context or {})}
        )

    def wish_view(self, request: HttpRequest, pk: int, wish: str) -> HttpResponse:
        """Ask for one node."""
        if wish not in WISHES:
            raise Http404
        rows = self.get_queryset(request).filter(pk=pk)
        if not rows:
            return self._get_obj_does_not_exist_redirect(request, self.opts, str(pk))
        answer = self.watched(request, wish, str(pk), lambda: self.wish(request, rows, wish))
        return answer or HttpResponseRedirect(reverse("admin:inventory_node_change", args=(pk,)))

    @admin.action(description="Drain", permissions=["operate"])
    def drain(self, request: HttpRequest, rows: models.QuerySet[Node]) -> Any:
        """Take VIPs away from nodes, in turns."""
        return self.wish(request, rows, "drain")

    @admin.action(description="Undrain (enable)", permissions=["operate"])
    def undrain(self, request: HttpRequest, rows: models.QuerySet[Node]) -> Any:
        """Let nodes hold VIPs."""
        return self.wish(request, rows, "undrain")

    @admin.action(description="Put into maintenance", permissions=["operate"])
    def maintenance(self, request: HttpRequest, rows: models.QuerySet[Node]) -> Any:
        """Take VIPs away from nodes at once."""
        return self.wish(request, rows, "maintenance")

    def wish(self, request: HttpRequest, rows: models.QuerySet[Node], wish: str) -> Any:
        """Ask, then set what operators want of nodes."""
        state, question = WISHES[wish]
        actor = actor_of(request)

        def work(done: Change, nodes: list[Node]) -> None:
            for node in nodes:
                services.want(done, node, state)

        def perform(reason: str, dry_run: bool) -> list[Change]:
            return change_each(rows, actor, reason, dry_run, work)

        plan = Plan(wish, question, wish.capitalize(), perform)
        return self.ask(request, rows, plan, Role.OPERATOR)

    def removal(self, request: HttpRequest, rows: models.QuerySet[Node]) -> Plan:
        """Refused while they serve, unless forced."""
        actor = actor_of(request)

        def forced(reason: str, dry_run: bool) -> list[Change]:
            return change_each(rows, actor, reason, dry_run, delete_rows)

        return replace(super().removal(request, rows), forced=forced)

    def perform_removal(
        self, rows: models.QuerySet[Node], actor: Actor, reason: str, dry_run: bool
    ) -> list[Change]:
        """Remove nodes that serve no longer; raises `Refused`."""
        return change_each(rows, actor, reason, dry_run, _remove)

    @admin.display(description="wanted", ordering="admin_state")
    def wanted(self, node: Node) -> SafeString:
        """What the operator wants."""
        return badge(node.admin_state)

    verdict = of_status(
        "lives",
        lambda status: badge(status.verdict),
        unheard=badge("unknown"),
        ordering="status__verdict",
    )
    state = of_status("agent", lambda status: badge(status.state), ordering="status__state")
    acts_on = of_status("acts on", _revisions, ordering="status__revision")
    heard = of_status(
        "last heard",
        lambda status: moment(status.heard_at),
        unheard="never",
        ordering="status__heard_at",
    )
    objection = of_status("objection", lambda status: status.objection)
    problem = of_status("problem", lambda status: status.problem)
    members = of_status("hears", lambda status: listed(status.members))
    rings = of_status("rings", _rings)
    warnings = of_status("warnings", lambda status: "; ".join(map(str, status.warnings)))
