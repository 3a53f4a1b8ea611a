"""What the inventory shows in the admin; each larger page has a module beside this one."""

from typing import Any

from django.contrib import admin
from django.db import models, transaction
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from cluster_admin.accounts.admin_base import ReadOnlyAdmin
from cluster_admin.accounts.roles import Role
from cluster_admin.accounts.services import allowed_anywhere
from cluster_admin.audit import services as audit
from cluster_admin.audit.actor import Actor
from cluster_admin.inventory import services
from cluster_admin.inventory.admin_base import DefiningAdmin, DefiningForm
from cluster_admin.inventory.admin_fields import TextsField
from cluster_admin.inventory.admin_filters import BY_SUBCLUSTER
from cluster_admin.inventory.admin_live import badge, listed, moment
from cluster_admin.inventory.admin_nodes import NodeAdmin
from cluster_admin.inventory.admin_revisions import RevisionAdmin
from cluster_admin.inventory.admin_subclusters import SubclusterAdmin
from cluster_admin.inventory.models import (
    Node,
    NodeStatus,
    Revision,
    Segment,
    Setting,
    Subcluster,
    Topology,
)
from cluster_admin.inventory.services import Change

admin.site.site_header = "Muster"
admin.site.site_title = "Muster"
admin.site.index_template = "admin/muster/index.html"
admin.site.index_title = "What the cluster should be, and what it was"

admin.site.register(Subcluster, SubclusterAdmin)
admin.site.register(Node, NodeAdmin)
admin.site.register(Revision, RevisionAdmin)


class TopologyForm(DefiningForm):
    """Witnesses and hosts of interest are written one per line."""

    witnesses = TextsField(
        help_text="Addresses outside the cluster that always answer ARP, normally the gateway; "
        "one per line."
    )
    interest = TextsField(
        label="Hosts of interest",
        help_text="Told of a VIP's new owner when announce_to is interest, as gateways and load "
        "balancers; one address per line, at most 64.",
    )


@admin.register(Topology)
class TopologyAdmin(DefiningAdmin):
    """Networks that VIPs lie in."""

    form = TopologyForm
    list_display = ("cidr", "subcluster", "interface", "shown_witnesses", "segment")
    list_filter = (BY_SUBCLUSTER, "segment")
    list_select_related = ("subcluster", "segment")
    search_fields = ("cidr", "interface")
    autocomplete_fields = ("subcluster", "segment")
    identity = ("subcluster",)
    fields = ("subcluster", "cidr", "interface", "witnesses", "interest", "segment", "reason")

    @admin.display(description="witnesses")
    def shown_witnesses(self, row: Topology) -> str:
        """Without brackets and quotes."""
        return listed(row.witnesses) or "-"


@admin.register(Segment)
class SegmentAdmin(DefiningAdmin):
    """L2 segments; they span subclusters, and so does the right to change them."""

    within = ""
    checks = False
    list_display = ("name", "description")
    list_select_related = False
    search_fields = ("name", "description")
    identity = ("name",)
    fields = ("name", "description", "reason")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever reads a subcluster chooses from them."""
        return allowed_anywhere(request.user, Role.VIEWER)

    has_module_permission = has_view_permission

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """No file says anything of a segment alone: no revision comes of it."""
        before = services.values_of(Segment.objects.get(pk=obj.pk)) if change else None
        obj.save()
        action, after = ("update" if change else "create"), services.values_of(obj)
        reason = form.cleaned_data["reason"]
        self.audit(request, action, str(obj), reason=reason, before=before, after=after)

    def perform_removal(
        self, rows: models.QuerySet[Any], actor: Actor, reason: str, dry_run: bool
    ) -> list[Change]:
        """Only unused ones go."""
        with transaction.atomic():
            for row in rows:
                services.remove_segment(row)
                before = services.values_of(row)
                name = str(row)
                audit.record(
                    actor, "delete", kind="segment", object=name, reason=reason, before=before
                )
            transaction.set_rollback(dry_run)
        return []


@admin.register(Setting)
class SettingAdmin(ReadOnlyAdmin):
    """Which knobs differ from their defaults where; changed on the subcluster's page."""

    list_display = ("name", "subcluster", "value", "change")
    list_display_links = None
    list_filter = (BY_SUBCLUSTER, "name")
    list_select_related = ("subcluster",)
    search_fields = ("name", "subcluster__name")

    @admin.display(description="change it")
    def change(self, row: Setting) -> SafeString:
        """Where it is changed."""
        address = reverse("admin:inventory_subcluster_change", args=(row.subcluster_id,))
        return format_html('<a href="{}">settings of {}</a>', address, row.subcluster)


@admin.register(NodeStatus)
class NodeStatusAdmin(ReadOnlyAdmin):
    """How nodes are, as last heard."""

    within = "node__subcluster__name"
    list_display = ("node", "lives", "agent", "revision", "known_revision", "heard", "problem")
    list_filter = ("verdict", "state", "agreed", "mature", "late")
    list_select_related = ("node", "node__subcluster")
    search_fields = ("node__name", "problem")

    @admin.display(description="lives", ordering="verdict")
    def lives(self, row: NodeStatus) -> SafeString:
        """The verdict."""
        return badge(row.verdict)

    @admin.display(description="agent", ordering="state")
    def agent(self, row: NodeStatus) -> SafeString:
        """What the agent says of itself."""
        return badge(row.state)

    @admin.display(description="last heard", ordering="heard_at")
    def heard(self, row: NodeStatus) -> SafeString | str:
        """When the manager had the last report."""
        return moment(row.heard_at)
