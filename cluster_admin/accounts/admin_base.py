"""What the pages of the admin share: who sees and changes which rows is said by roles alone.

Django's model permissions are not asked. Rows of subclusters that a user may not read do not exist
for them; whoever tries more than they may is told so, and the attempt is in the audit trail, as is
every form that was refused.
"""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from cluster_admin.accounts.admin_table import csv_of
from cluster_admin.accounts.roles import Role
from cluster_admin.accounts.services import EVERY, actor_of, allowed, allowed_anywhere, readable
from cluster_admin.audit import services as audit
from cluster_admin.audit.models import AuditRecord

HISTORY_ROWS = 200


class Lookup(AutocompleteSelect):
    """Shows a form again even when what was sent is no key at all."""

    def optgroups(self, name: str, value: Any, attr: Any = None) -> Any:
        """Look only for what can be a key."""
        return super().optgroups(name, [one for one in value if str(one).isdecimal()], attr)


class GrantedAdmin(admin.ModelAdmin):
    """Rows that are in a subcluster, or (`within` empty) span all of them."""

    within = "subcluster__name"
    """Where a row says the name of its subcluster, as a lookup."""
    reads = Role.VIEWER
    writes: Role | None = Role.ADMIN
    """None: nobody changes such rows by hand."""
    list_per_page = 100
    show_facets = admin.ShowFacets.NEVER
    actions: Any = ("export_csv",)

    class Media:
        """The look of states and diffs."""

        css = {"all": ("inventory/admin.css",)}  # noqa: RUF012 - Django's own form

    def subcluster_of(self, obj: models.Model) -> str:
        """Name of the subcluster that a row is in; empty for what spans them."""
        found: Any = obj
        for step in self.within.split("__") if self.within else ():
            found = getattr(found, step)
        return str(found) if self.within else EVERY

    def may(self, request: HttpRequest, role: Role | None, obj: models.Model | None = None) -> bool:
        """Whether the user has a role where a row is; without a row: anywhere it would do."""
        if role is None:
            return False
        if obj is not None:
            return allowed(request.user, role, self.subcluster_of(obj))
        if self.within:
            return allowed_anywhere(request.user, role)
        return allowed(request.user, role)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Show the app on the first page to whoever reads something of it."""
        return self.may(request, self.reads)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Ask the roles."""
        return self.may(request, self.reads, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Ask the roles; where, the form asks."""
        return self.may(request, self.writes)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Ask the roles."""
        return self.may(request, self.writes, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Ask the roles."""
        return self.may(request, self.writes, obj)

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """Only what the user may read."""
        rows = super().get_queryset(request)
        names = readable(request.user)
        if not self.within or names is None:
            return rows
        return rows.filter(**{f"{self.within}__in": names})

    def formfield_for_foreignkey(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        """Rows that the user may read are looked up while one types; others do not exist."""
        if db_field.name in self.get_autocomplete_fields(request):
            theirs = self.admin_site.get_model_admin(db_field.remote_field.model)
            kwargs.setdefault("queryset", theirs.get_queryset(request))
            kwargs.setdefault("widget", Lookup(db_field, self.admin_site))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        """Beside a choice of a row: add one, or look at it; nothing that removes it."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field and hasattr(field.widget, "can_delete_related"):
            field.widget.can_delete_related = field.widget.can_change_related = False
        return field

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The list, and actions on rows of it."""
        what = str(request.POST.get("action", "")) or "change"
        return self.watched(
            request,
            what,
            "",
            lambda: super(GrantedAdmin, self).changelist_view(request, extra_context),
        )

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        """The form of a row; refused input is in the audit trail."""
        response = self.watched(
            request,
            "create" if object_id is None else "update",
            object_id or "",
            lambda: self.form_page(request, object_id, form_url, extra_context),
        )
        if request.method == "POST":
            self._audit_refusal(request, object_id, getattr(response, "context_data", None))
        return response

    def form_page(
        self, request: HttpRequest, object_id: str | None, form_url: str, extra_context: Any
    ) -> HttpResponse:
        """The form as Django makes it; for those that do more with it."""
        return super().changeform_view(request, object_id, form_url, extra_context)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """Ask, then delete."""
        return self.watched(
            request,
            "delete",
            object_id,
            lambda: super(GrantedAdmin, self).delete_view(request, object_id, extra_context),
        )

    def demand(self, request: HttpRequest, role: Role | None, rows: models.QuerySet[Any]) -> None:
        """Raise `PermissionDenied` unless the user has a role wherever rows are."""
        if role is None:
            raise PermissionDenied
        names: Any
        if not self.within:
            names = [EVERY]
        else:
            names = rows.order_by().values_list(self.within, flat=True).distinct()
        if not all(allowed(request.user, role, name) for name in names):
            raise PermissionDenied

    @admin.action(description="Export as CSV", permissions=["view"])
    def export_csv(self, request: HttpRequest, rows: models.QuerySet[Any]) -> HttpResponse | None:
        """The list's columns of the rows chosen."""
        return csv_of(self, request, rows)

    def audit(self, request: HttpRequest, action: str, thing: str, **more: Any) -> None:
        """Add to the audit trail what was tried or done."""
        kind = str(self.opts.verbose_name)
        audit.record(actor_of(request), action, kind=kind, object=thing, **more)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """What the audit trail tells of a row; where from and with which token, to its readers."""
        return self.watched(request, "view", object_id, lambda: self._history(request, object_id))

    def _history(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.get_object(request, unquote(object_id))
        if row is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        kind, name = str(self.opts.verbose_name), str(row)
        records = AuditRecord.objects.filter(kind=kind, object=name)
        if self.within:
            records = records.filter(subcluster=self.subcluster_of(row))
        title, shown = f"History of {kind} {name}", records[:HISTORY_ROWS]
        told = {"object": row, "records": shown, "whole": allowed(request.user, Role.ADMIN)}
        return self.own_page(request, "history", title, **told)

    def own_page(self, request: HttpRequest, name: str, title: str, **more: Any) -> HttpResponse:
        """A page that Django's admin does not have: its template, and what that is given."""
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            **{"title": title, "opts": self.opts, "media": self.media},
            **more,
        }
        return TemplateResponse(request, f"admin/muster/{name}.html", context)

    def watched(
        self, request: HttpRequest, action: str, thing: str, page: Callable[[], HttpResponse]
    ) -> HttpResponse:
        """Put the attempt into the audit trail if it is denied."""
        try:
            return page()
        except PermissionDenied:
            action = action if request.method == "POST" else "view"
            self.audit(request, action, thing, outcome="denied", reason="the role is missing")
            raise

    def _get_obj_does_not_exist_redirect(
        self, request: HttpRequest, opts: Any, object_id: str
    ) -> HttpResponse:
        """Rows that others may see are said not to exist; asking for them is an attempt."""
        if object_id.isdecimal() and self.model._default_manager.filter(pk=object_id[:18]).exists():
            self.audit(request, "view", object_id, outcome="denied", reason="not to be read")
        page: Any = super()
        answer: HttpResponse = page._get_obj_does_not_exist_redirect(request, opts, object_id)
        return answer

    def _audit_refusal(self, request: HttpRequest, object_id: str | None, context: Any) -> None:
        form = context["adminform"].form if context and "adminform" in context else None
        if form is None or not context["errors"]:
            return
        told = [f"{name}: {error}" for name, errors in form.errors.items() for error in errors]
        told = told or [str(one) for one in context["errors"]]
        foreign = any(
            error.code == "foreign" for error in form.errors.as_data().get("subcluster", ())
        )
        thing, home = self._told_of(form.instance)
        self.audit(
            request,
            "create" if object_id is None else "update",
            thing,
            subcluster=home,
            outcome="denied" if foreign else "refused",
            reason="; ".join(told),
        )

    def _told_of(self, row: Any) -> tuple[str, str]:
        """Name and subcluster of a row that may be half made."""
        try:
            return str(row), self.subcluster_of(row)
        except ObjectDoesNotExist:
            return "", ""


class ReadOnlyAdmin(GrantedAdmin):
    """What programs write and nobody changes by hand: history and states."""

    writes = None
