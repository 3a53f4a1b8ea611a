"""Rows that define no cluster but matter: every change by hand is in the audit trail, with values.

Secrets are no values: `told` says what is.
"""

from typing import Any

from django.http import HttpRequest

from cluster_admin.accounts.admin_base import GrantedAdmin
from cluster_admin.accounts.roles import Role


class AuditedAdmin(GrantedAdmin):
    """For whoever administers the cluster."""

    within = ""
    reads = Role.ADMIN

    def told(self, row: Any) -> dict[str, Any]:
        """What the audit trail is told of a row; its name, unless more is said."""
        return {"name": str(row)}

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What belongs to a row goes with it."""
        found, counts, _, protected = super().get_deleted_objects(objs, request)
        return found, counts, set(), protected

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Remember for the audit trail what was."""
        if change:
            before = self.told(self.model._default_manager.get(pk=obj.pk))
            request.muster_before = before  # type: ignore[attr-defined]
        super().save_model(request, obj, form, change)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Into the audit trail."""
        for row in queryset:
            self.audit(request, "delete", str(row), before=self.told(row))

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Into the audit trail."""
        self.audit(request, "create", str(obj), after=self.told(obj))

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Into the audit trail."""
        before = getattr(request, "muster_before", None)
        self.audit(request, "update", str(obj), before=before, after=self.told(obj))
