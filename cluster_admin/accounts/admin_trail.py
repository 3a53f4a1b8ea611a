"""The audit trail in the admin: read and searched by whoever administers the cluster.

It stands here because the audit app knows nobody's roles.
"""

from django.contrib import admin
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from cluster_admin.accounts.admin_base import ReadOnlyAdmin
from cluster_admin.accounts.roles import Role
from cluster_admin.audit.models import AuditRecord


class AuditRecordAdmin(ReadOnlyAdmin):
    """Newest first; nothing can be added, changed or deleted."""

    within = ""
    reads = Role.ADMIN
    list_display = (
        *("when", "actor", "action", "kind", "object", "subcluster", "outcome", "count"),
        *("reason", "via", "source", "token"),
    )
    list_filter = ("outcome", "via", "action", "kind", "subcluster", "at")
    search_fields = ("actor", "object", "reason", "source", "token")
    date_hierarchy = "at"
    show_full_result_count = False
    fields = (
        *("when", "actor", "via", "source", "token", "action", "kind", "object", "subcluster"),
        *("outcome", "count", "reason", "values"),
    )
    readonly_fields = ("when", "values")

    @admin.display(description="when", ordering="at")
    def when(self, row: AuditRecord) -> str:
        """To the second."""
        return timezone.localtime(row.at).strftime("%Y-%m-%d %H:%M:%S")

    @admin.display(description="before and after")
    def values(self, row: AuditRecord) -> SafeString | str:
        """Name by name; what changed stands out."""
        before, after = (one if isinstance(one, dict) else {} for one in (row.before, row.after))
        names = list(dict.fromkeys([*before, *after]))
        lines = (
            (
                "muster-kept" if before.get(name) == after.get(name) else "muster-changed",
                name,
                before.get(name, ""),
                after.get(name, ""),
            )
            for name in names
        )
        return format_html_join("", '<div class="{}">{}: {} &rarr; {}</div>', lines) or "-"
