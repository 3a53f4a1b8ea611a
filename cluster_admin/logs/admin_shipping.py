"""Shipping in the admin, to read: what nodes told is nobody's to change."""

from cluster_admin.accounts.admin_base import ReadOnlyAdmin


class ShippingAdmin(ReadOnlyAdmin):
    """How far each node is, for each subscriber."""

    within = "subcluster"
    list_display = (
        *("node", "subscriber", "subcluster", "connected", "backlog_bytes", "backlog_seconds"),
        *("dropped_bytes", "alarm", "heard_at"),
    )
    list_filter = ("subcluster", "subscriber", "connected")
    search_fields = ("node", "subscriber")
