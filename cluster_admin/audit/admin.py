"""The audit trail in the admin: to be read and searched, never changed."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from cluster_admin.audit.models import AuditRecord


@admin.register(AuditRecord)
class AuditRecordAdmin(admin.ModelAdmin):
    """Newest first; nothing can be added, changed or deleted."""

    list_display = (
        *("at", "actor", "action", "kind", "object", "subcluster", "outcome", "count"),
        *("reason", "via", "source", "token"),
    )
    list_filter = ("outcome", "via", "action", "kind", "subcluster", "at")
    search_fields = ("actor", "object", "reason", "source", "token")
    date_hierarchy = "at"
    list_per_page = 100
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody adds by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody rewrites history."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody removes history."""
        return False
