"""Revisions in the admin: every definitions file that was, how it differs, and the way back."""

from typing import Any

from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from cluster_admin.accounts.admin_base import ReadOnlyAdmin
from cluster_admin.accounts.roles import Role
from cluster_admin.accounts.services import actor_of, allowed
from cluster_admin.inventory import repository, services
from cluster_admin.inventory.admin_base import DefiningAdmin
from cluster_admin.inventory.admin_confirm import Plan, confirm
from cluster_admin.inventory.admin_diff import difference
from cluster_admin.inventory.admin_filters import BY_SUBCLUSTER
from cluster_admin.inventory.models import Revision
from cluster_admin.inventory.services import Change


class RevisionAdmin(ReadOnlyAdmin):
    """History, read only; going back makes a new revision with an old text."""

    change_form_template = "admin/muster/change_form.html"
    list_display = ("__str__", "author", "comment", "created_at")
    list_filter = (BY_SUBCLUSTER, "created_at")
    list_select_related = ("subcluster",)
    search_fields = ("author", "comment", "subcluster__name")
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-number")
    actions = ("revert", "export_csv")
    fields = ("subcluster", "number", "author", "comment", "created_at", "diff", "file")
    readonly_fields = ("diff", "file")
    tell = DefiningAdmin.tell

    def get_urls(self) -> Any:
        """Add the page that asks before going back."""
        view = self.admin_site.admin_view(self.revert_view)
        return [
            path("<int:pk>/revert/", view, name="inventory_revision_revert"),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """Lists do without the texts: a file may have megabytes."""
        return super().get_queryset(request).defer("text")

    def has_revert_permission(self, request: HttpRequest) -> bool:
        """Whether the user may change all that a file says."""
        return self.may(request, Role.ADMIN)

    def form_page(
        self, request: HttpRequest, object_id: str | None, form_url: str, extra_context: Any
    ) -> HttpResponse:
        """Add the way back to the page's tools."""
        tools = []
        if object_id and object_id.isdecimal() and self.has_revert_permission(request):
            address = reverse("admin:inventory_revision_revert", args=(object_id,))
            tools = [("Revert to this", address)]
        return super().form_page(
            request, object_id, form_url, {"tools": tools, **(extra_context or {})}
        )

    @admin.action(description="Revert its subcluster to this", permissions=["revert"])
    def revert(self, request: HttpRequest, rows: models.QuerySet[Revision]) -> Any:
        """Go back to one revision."""
        if rows.count() != 1:
            told = "choose one revision to go back to"
            self.message_user(request, told, messages.ERROR)
            return None
        return self._ask(request, rows)

    def revert_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask before going back."""
        rows = self.get_queryset(request).filter(pk=pk)
        if not rows:
            return self._get_obj_does_not_exist_redirect(request, self.opts, str(pk))
        answer = self.watched(request, "revert", str(pk), lambda: self._ask(request, rows))
        return answer or HttpResponseRedirect(reverse("admin:inventory_revision_changelist"))

    def _ask(self, request: HttpRequest, rows: models.QuerySet[Revision]) -> Any:
        self.demand(request, Role.ADMIN, rows)
        row, actor = rows.get(), actor_of(request)
        everywhere = allowed(request.user, Role.ADMIN)

        def perform(reason: str, dry_run: bool) -> list[Change]:
            reason = f"back to r{row.number}" + (f": {reason}" if reason else "")
            there, text = row.subcluster, row.text
            return [
                services.import_text(there, text, actor, reason, dry_run, add_segments=everywhere)
            ]

        question = f"Make r{row.number} what subcluster {row.subcluster} is now?"
        return confirm(self, request, Plan("revert", question, "Revert", perform), [str(row)])

    @admin.display(description="difference to the one before")
    def diff(self, row: Revision) -> SafeString | str:
        """As a unified diff."""
        before = repository.text_before(row.subcluster, row.number)
        return difference(repository.difference(before, row.text)) or "none"

    @admin.display(description="file")
    def file(self, row: Revision) -> SafeString:
        """The canonical text."""
        return format_html('<pre class="muster-text">{}</pre>', row.text)
