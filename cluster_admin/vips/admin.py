"""Virtual addresses in the admin: what defines them, and who holds each since when and why."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.safestring import SafeString

from cluster_admin.accounts.admin_base import ReadOnlyAdmin
from cluster_admin.accounts.roles import Role
from cluster_admin.inventory.admin_base import DefiningAdmin, DefiningForm
from cluster_admin.inventory.admin_fields import TextsField
from cluster_admin.inventory.admin_filters import BY_SUBCLUSTER
from cluster_admin.inventory.admin_live import badge, listed, moment, of_status
from cluster_admin.inventory.models import Node
from cluster_admin.vips import moving
from cluster_admin.vips.admin_moving import plan_of
from cluster_admin.vips.commands import COMMAND_FIELDS, forbidden
from cluster_admin.vips.models import Vip, VipStatus
from workers.failover.core.hooks import hook_warning

LIVE = ("state", "note", "owner", "since", "why", "previous", "holders", "seen")

HELP = {
    "address": "IPv4 or IPv6, within a topology of the subcluster, and nobody's own.",
    "follow": "Another VIP that it always sits with.",
    "weight": "Its share among the addresses of its binding.",
    "check_command": "tcp:PORT, smtp:PORT or command:/PATH ARGUMENTS, run on every node. Where it "
    "fails the VIP does not stay. A command is an administrator's to set.",
    "hook": "A command, /PATH ARGUMENTS, for networks where ARP moves no address: called with take "
    "or release, VIP and node. It is an administrator's to set.",
    "binding": "What mail software calls it; several addresses may share one.",
}


class VipForm(DefiningForm):
    """Preferred nodes are written one per line, first choice first."""

    prefer = TextsField(
        label="Prefers",
        help_text="Names of nodes, one per line, first choice first. Empty: wherever there is "
        "room. Not together with follows.",
    )
    names: tuple[tuple[str, str], ...] = ()
    """(node, subcluster) of those that the user may choose from."""
    user: Any = None
    """Who fills it in."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, text in HELP.items():
            if name in self.fields:
                self.fields[name].help_text = text
        if "prefer" in self.fields:
            home = self.instance.subcluster_id and self.instance.subcluster.name
            offers = [one for one in self.names if not home or one[1] == home]
            self.fields["prefer"].widget.offers = offers

    def clean(self) -> Any:
        """Commands only for who may have nodes run them."""
        found = super().clean() or self.cleaned_data
        row, home = self.instance, self.cleaned_data.get("subcluster")
        home = row.subcluster if row.pk else home
        if home is not None:
            before = {name: getattr(row, name) for name in COMMAND_FIELDS}
            for name, sentence in forbidden(self.user, home.name, before, found).items():
                self.add_error(name, sentence)
        return found


class VersionFilter(admin.SimpleListFilter):
    """IPv4 or IPv6."""

    title = "IP version"
    parameter_name = "version"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The two there are."""
        return [("4", "IPv4"), ("6", "IPv6")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Vip]) -> QuerySet[Vip]:
        """Only IPv6 addresses have colons."""
        if self.value() == "6":
            return queryset.filter(address__contains=":")
        return queryset.exclude(address__contains=":") if self.value() == "4" else queryset


class WishFilter(admin.SimpleListFilter):
    """Whether a VIP wants a certain place."""

    title = "placement"
    parameter_name = "placement"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Three ways."""
        return [("prefers", "prefers nodes"), ("follows", "follows a VIP"), ("free", "neither")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Vip]) -> QuerySet[Vip]:
        """An empty list is how no preference is stored."""
        if self.value() == "follows":
            return queryset.exclude(follow=None)
        if self.value() == "prefers":
            return queryset.exclude(prefer=[])
        return queryset.filter(follow=None, prefer=[]) if self.value() == "free" else queryset


@admin.register(Vip)
class VipAdmin(DefiningAdmin):
    """Whoever operates a subcluster changes its VIPs."""

    writes = Role.OPERATOR
    form = VipForm
    list_display = (
        *("address", "subcluster", "state", "owner", "since", "why", "note"),
        *("prefers", "follow", "weight", "binding", "description"),
    )
    list_filter = (
        BY_SUBCLUSTER,
        "status__state",
        "status__cause",
        VersionFilter,
        WishFilter,
        "binding",
    )
    list_select_related = ("subcluster", "status", "follow")
    search_fields = ("address", "description", "binding", "status__owner")
    search_help_text = "Address, description, binding or owner"
    autocomplete_fields = ("subcluster", "follow")
    readonly_fields = ("hook_costs", *LIVE)
    identity = ("subcluster", "address")
    fieldsets = (
        (None, {"fields": ("subcluster", "address", "description")}),
        ("Where it sits", {"fields": ("prefer", "follow", "weight")}),
        ("What it is for", {"fields": ("check_command", "hook", "hook_costs", "binding")}),
        ("Why", {"fields": ("reason",)}),
        ("How it is", {"fields": LIVE}),
    )

    actions = ("move", "remove", "export_csv")

    def get_urls(self) -> Any:
        """Add a page that asks where one VIP is to go."""
        view = self.admin_site.admin_view(self.move_view)
        return [path("<int:pk>/move/ask/", view, name="vips_vip_move"), *super().get_urls()]

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Whether the user may move VIPs."""
        return self.may(request, Role.OPERATOR)

    def form_page(
        self, request: HttpRequest, object_id: str | None, form_url: str, extra_context: Any
    ) -> HttpResponse:
        """Add moving to the page's tools."""
        tools = []
        if object_id and object_id.isdecimal() and self.has_operate_permission(request):
            tools.append(("Move", reverse("admin:vips_vip_move", args=(object_id,))))
        return super().form_page(
            request, object_id, form_url, {"tools": tools, **(extra_context or {})}
        )

    def move_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask for one VIP."""
        rows = self.get_queryset(request).filter(pk=pk)
        if not rows:
            return self._get_obj_does_not_exist_redirect(request, self.opts, str(pk))
        answer = self.watched(request, moving.ACTION, str(pk), lambda: self.move(request, rows))
        return answer or HttpResponseRedirect(reverse("admin:vips_vip_change", args=(pk,)))

    @admin.action(description="Move", permissions=["operate"])
    def move(self, request: HttpRequest, rows: QuerySet[Vip]) -> Any:
        """Put a node first in what VIPs prefer."""
        return self.ask(request, rows, plan_of(request, rows), Role.OPERATOR)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """A VIP that is not there yet has no state."""
        found = list(super().get_fieldsets(request, obj))
        return found if obj else found[:-1]

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """The form, with the names of nodes to choose from."""
        made = super().get_form(request, obj, change=change, **kwargs)
        nodes = Node.objects.filter(subcluster__in=self.changeable(request)).order_by("name")
        made.names = tuple(nodes.values_list("name", "subcluster__name"))
        made.user = request.user
        return made

    state = of_status(
        "state",
        lambda status: badge(status.state),
        unheard=badge("unknown"),
        ordering="status__state",
    )
    owner = of_status("owner", lambda status: status.owner, ordering="status__owner")
    since = of_status(
        "since", lambda status: status.since and moment(status.since), ordering="status__since"
    )
    why = of_status("why", lambda status: status.reason)
    note = of_status("to be known", lambda status: status.note)
    previous = of_status("before that", lambda status: status.previous)
    holders = of_status("on the network card of", lambda status: listed(status.holders))
    seen = of_status("last seen", lambda status: moment(status.seen_at), unheard="never")

    @admin.display(description="what the hook costs")
    def hook_costs(self, row: Vip) -> str:
        """Safety."""
        return hook_warning(row.hook if row else "") or "-"

    @admin.display(description="prefers")
    def prefers(self, row: Vip) -> str:
        """Without brackets and quotes."""
        return listed(row.prefer) or "-"


@admin.register(VipStatus)
class VipStatusAdmin(ReadOnlyAdmin):
    """Who holds each VIP, as last heard."""

    within = "vip__subcluster__name"
    list_display = (
        *("vip", "shown_state", "note", "owner", "epoch", "since", "reason", "previous"),
    )
    list_filter = ("state", "cause")
    list_select_related = ("vip", "vip__subcluster")
    search_fields = ("vip__address", "owner", "reason", "note")

    @admin.display(description="state", ordering="state")
    def shown_state(self, row: VipStatus) -> SafeString:
        """How it is."""
        return badge(row.state)
