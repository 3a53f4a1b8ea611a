"""Users and grants in the admin, for whoever administers the cluster; tokens and trail are beside.

Only a superuser makes superusers or touches one, so that no role raises itself. Every change is in
the audit trail, without secrets.
"""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db import models
from django.http import HttpRequest

from cluster_admin.accounts.admin_audited import AuditedAdmin
from cluster_admin.accounts.admin_tokens import TokenAdmin
from cluster_admin.accounts.admin_trail import AuditRecordAdmin
from cluster_admin.accounts.models import Grant, Token, User
from cluster_admin.accounts.roles import Role
from cluster_admin.accounts.services import allowed
from cluster_admin.audit.models import AuditRecord

admin.site.unregister(Group)  # roles say who may do what
admin.site.register(Token, TokenAdmin)
admin.site.register(AuditRecord, AuditRecordAdmin)

TOLD = ("username", "email", "first_name", "last_name", "is_active", "is_staff", "is_superuser")


def _values(user: User) -> dict[str, Any]:
    grants = [str(one) for one in Grant.objects.filter(user=user).select_related("user")]
    return {**{name: getattr(user, name) for name in TOLD}, "grants": grants}


class GrantInline(admin.TabularInline):
    """What a user may do, on the user's page."""

    model = Grant
    extra = 1

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As the user's page."""
        return allowed(request.user, Role.ADMIN)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As the user's page."""
        return allowed(request.user, Role.ADMIN)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As the user's page."""
        return allowed(request.user, Role.ADMIN)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As the user's page."""
        return allowed(request.user, Role.ADMIN)


class AccountsAdmin(AuditedAdmin):
    """Accounts span subclusters: they are for whoever administers the cluster."""

    def told(self, row: Any) -> dict[str, Any]:
        """What the audit trail is told of a grant."""
        return {"user": str(row.user), "role": str(row.role), "subcluster": row.subcluster}


@admin.register(Grant)
class GrantAdmin(AccountsAdmin):
    """Who may do what where."""

    list_display = ("user", "role", "subcluster")
    list_filter = ("role", "subcluster")
    list_select_related = ("user",)
    search_fields = ("user__username", "subcluster")
    autocomplete_fields = ("user",)


@admin.register(User)
class UserAdmin(AccountsAdmin, DjangoUserAdmin):
    """Who logs in. `is_staff` opens the admin; grants say what may be done there and elsewhere."""

    list_display = ("username", "email", "is_active", "is_staff", "is_superuser", "roles", "seen")
    list_filter = ("is_active", "is_staff", "is_superuser", "grants__role")
    search_fields = ("username", "first_name", "last_name", "email")
    readonly_fields = ("last_login", "date_joined")
    inlines = (GrantInline,)
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Who", {"fields": ("first_name", "last_name", "email")}),
        ("May log in", {"fields": ("is_active", "is_staff", "is_superuser")}),
        ("When", {"fields": ("last_login", "date_joined")}),
    )

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """With their grants, for the list."""
        return super().get_queryset(request).prefetch_related("grants")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Who is no superuser makes none; nobody locks themselves out."""
        fields = self.readonly_fields
        if obj is not None and obj.pk == request.user.pk:
            return (*fields, "is_active", "is_superuser")
        return fields if getattr(request.user, "is_superuser", False) else (*fields, "is_superuser")

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        """Grants come after the account."""
        return self.inlines if obj else ()

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A superuser is changed by superusers only."""
        over = obj is not None and obj.is_superuser
        mine = getattr(request.user, "is_superuser", False)
        return super().has_change_permission(request, obj) and (mine or not over)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """So nobody is left without a superuser, and nobody removes themselves."""
        if obj is not None and obj.pk == request.user.pk:
            return False
        return super().has_delete_permission(request, obj) and self.has_change_permission(
            request, obj
        )

    def get_actions(self, request: HttpRequest) -> Any:
        """Accounts are removed one by one, where each can be judged."""
        found = super().get_actions(request)
        found.pop("delete_selected", None)
        return found

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> Any:
        """Set somebody's password; the attempt is in the audit trail."""
        page = super().user_change_password
        return self.watched(request, "password", id, lambda: page(request, id, form_url))

    def told(self, row: Any) -> dict[str, Any]:
        """Names, switches and grants; never the password."""
        return _values(row)

    @admin.display(description="roles")
    def roles(self, user: User) -> str:
        """What the grants say."""
        grants = [f"{one.role} of {one.subcluster or 'all'}" for one in user.grants.all()]
        return "everything" if user.is_superuser else ", ".join(grants) or "none"

    @admin.display(description="last login", ordering="last_login")
    def seen(self, user: User) -> Any:
        """When it last logged in."""
        return user.last_login
