"""History in the admin: to be read, searched and exported, never changed."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from cluster_admin.accounts.admin_base import ReadOnlyAdmin
from cluster_admin.accounts.roles import Role
from cluster_admin.accounts.services import allowed_anywhere
from cluster_admin.events.models import Cursor, Event, ListenerStatus
from cluster_admin.inventory.admin_live import moment


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    """What happened, newest first."""

    within = "subcluster"
    list_display = (
        *("time", "subcluster", "node", "kind", "vip", "peer", "reason", "detail", "epoch"),
    )
    list_filter = ("kind", "subcluster", "time")
    search_fields = ("node", "vip", "peer", "reason", "detail")
    date_hierarchy = "time"
    show_full_result_count = False


@admin.register(Cursor)
class CursorAdmin(ReadOnlyAdmin):
    """How far the story of each run of an agent is known."""

    within = "subcluster"
    list_display = ("node", "subcluster", "incarnation", "through", "moved_at")
    list_filter = ("subcluster",)
    search_fields = ("node",)
    date_hierarchy = "moved_at"
    ordering = ("-moved_at", "-id")


@admin.register(ListenerStatus)
class ListenerStatusAdmin(ReadOnlyAdmin):
    """How the listeners are; they hear all subclusters, and whoever reads one may know."""

    within = ""
    list_display = ("name", "connected", "heard", "alive", "broker", "refused", "started_at")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether pages are stale concerns every reader."""
        return allowed_anywhere(request.user, Role.VIEWER)

    has_module_permission = has_view_permission

    @admin.display(description="heard", ordering="heard_at")
    def heard(self, row: ListenerStatus) -> SafeString | str:
        """Until when it was connected."""
        return moment(row.heard_at)

    @admin.display(description="alive", ordering="alive_at")
    def alive(self, row: ListenerStatus) -> SafeString | str:
        """When it last said so."""
        return moment(row.alive_at)
