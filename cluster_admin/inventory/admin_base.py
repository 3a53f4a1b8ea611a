"""Rows that define something, in the admin: each save is one `change()`, or nothing happens.

A change that nodes could not act on comes back as an error of the form with everything that was
typed; "Check only" shows the difference it would make and takes it back. What came of a change is
told with its revision and diff. Roles and the audit of refusals are `accounts.admin_base`'s.
"""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, models
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html

from cluster_admin.accounts.admin_base import GrantedAdmin
from cluster_admin.accounts.roles import Role
from cluster_admin.accounts.services import EVERY, actor_of, grants_of
from cluster_admin.audit.actor import Actor
from cluster_admin.inventory import services
from cluster_admin.inventory.admin_confirm import Plan, change_each, confirm, delete_rows
from cluster_admin.inventory.admin_diff import MESSAGE_LINES, difference, differences
from cluster_admin.inventory.admin_fields import ReasonField
from cluster_admin.inventory.models import Revision, Subcluster
from cluster_admin.inventory.services import Change, Refused

CHECK = "_check"
"""Name of the button that only checks."""
FOREIGN = "not a subcluster that you may change; choose another, or ask for the role there"


class Checked(Exception):
    """A dry run went well: not an error, but everything has to be taken back."""

    def __init__(self, change: Change) -> None:
        super().__init__()
        self.change = change


class SubclusterField(forms.ModelChoiceField):
    """A subcluster that the user may change; any other is an attempt."""

    def to_python(self, value: Any) -> Any:
        """Say which role is missing, and tell such an error from others."""
        try:
            return super().to_python(value)
        except forms.ValidationError:
            raise forms.ValidationError(FOREIGN, code="foreign") from None


class DefiningForm(forms.ModelForm):
    """A row and the reason for changing it; `outcome` is what an attempt to save came to."""

    outcome: Refused | Change | None = None
    reason = ReasonField()

    def is_valid(self) -> bool:
        """After a check nothing is to be saved, though nothing is wrong."""
        return super().is_valid() and not isinstance(self.outcome, Change)

    def _post_clean(self) -> None:
        """Ask the model only about whole rows; say what the attempt to save came to."""
        if self.errors:
            return
        super()._post_clean()  # type: ignore[misc]
        if isinstance(self.outcome, Refused) and not self.errors:
            field = self.field_of(self.outcome)
            self.add_error(field if field in self.fields else None, self.outcome.sentence)

    def field_of(self, refused: Refused) -> str:
        """The field that a refusal is about."""
        return refused.path[2] if len(refused.path) > 2 else ""


class DefiningAdmin(GrantedAdmin):
    """See the module's text. `home_of` says in which subcluster a row is."""

    form: type[forms.ModelForm] = DefiningForm
    change_form_template = "admin/muster/change_form.html"
    list_select_related: ClassVar[Any] = ("subcluster",)
    actions: Any = ("remove", "export_csv")
    identity: tuple[str, ...] = ()
    """What other rows, files and messages know a row by: it stays as it was made."""
    checks = True
    """Whether there is a difference to show before saving."""

    def home_of(self, row: Any) -> Subcluster:
        """The subcluster whose definitions a row is part of."""
        home: Subcluster = row.subcluster
        return home

    def get_actions(self, request: HttpRequest) -> Any:
        """Django's own removal would change rows without a revision."""
        found = super().get_actions(request)
        found.pop("delete_selected", None)
        return found

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """The form, told what an attempt to save in this request came to."""
        made: Any = super().get_form(request, obj, change=change, **kwargs)
        made.outcome = getattr(request, "muster_outcome", None)
        return made

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A row stays what it is, where it is."""
        fields = tuple(super().get_readonly_fields(request, obj))
        return fields if obj is None else (*fields, *self.identity)

    def formfield_for_foreignkey(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        """Offer only subclusters that the user may change."""
        if db_field.name != "subcluster":
            return super().formfield_for_foreignkey(db_field, request, **kwargs)
        kwargs |= {"queryset": self.changeable(request), "form_class": SubclusterField}
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def changeable(self, request: HttpRequest) -> models.QuerySet[Subcluster]:
        """The subclusters in which the user may change such rows."""
        least = Role(self.writes).rank if self.writes else 0
        names = [name for name, role in grants_of(request.user).items() if role.rank >= least]
        rows = Subcluster.objects.all()
        return rows if EVERY in names else rows.filter(name__in=names)

    def form_page(
        self, request: HttpRequest, object_id: str | None, form_url: str, extra_context: Any
    ) -> HttpResponse:
        """Save in one change; show the form again, as it was typed, when that did not do."""
        context = {"check": CHECK if self.checks else "", **(extra_context or {})}
        page = super().form_page
        outcome: Refused | Change
        try:
            return page(request, object_id, form_url, context)
        except Refused as refused:
            outcome = refused
        except IntegrityError:
            outcome = Refused("somebody changed the same at this moment; look again, then repeat")
        except Checked as checked:
            outcome = checked.change
            context |= {"checked": True, "diff": differences([checked.change])}
        request.muster_outcome = outcome  # type: ignore[attr-defined]
        return page(request, object_id, form_url, context)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save in one change with its audit record; raises `Refused`, or `Checked` in a dry run."""
        reason, dry_run = form.cleaned_data.get("reason", ""), CHECK in request.POST
        before = None
        if change:
            before = services.values_of(self.model._default_manager.get(pk=obj.pk))
        with services.change(self.home_of(obj), actor_of(request), reason, dry_run) as done:
            obj.save()
            done.note("update" if change else "create", obj, before)
        if dry_run:
            raise Checked(done)
        self.tell(request, [done])

    def tell(self, request: HttpRequest, changes: list[Change]) -> None:
        """Say which revisions came of changes, and how they differ from the ones before."""
        for done in changes:
            home = done.subcluster
            if not done.diff:
                told = (
                    f"Nothing that the nodes of {home} act on has changed: still r{home.revision}."
                )
                self.message_user(request, told, messages.INFO)
                continue
            revision = Revision.objects.get(subcluster=home, number=done.revision)
            address = reverse("admin:inventory_revision_change", args=(revision.pk,))
            link = format_html('<a href="{}">{}</a>', address, revision)
            shown = difference(done.diff, MESSAGE_LINES)
            self.message_user(request, format_html("New revision {}{}", link, shown))

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """Ask, with the difference it makes; then delete in one change."""
        return self.watched(
            request, "delete", object_id, lambda: self._deletion(request, object_id)
        )

    @admin.action(description="Remove", permissions=["delete"])
    def remove(self, request: HttpRequest, rows: models.QuerySet[Any]) -> HttpResponse | None:
        """Remove the rows chosen, after a question."""
        return self.ask(request, rows, self.removal(request, rows))

    def ask(
        self, request: HttpRequest, rows: models.QuerySet[Any], plan: Plan, role: Role | None = None
    ) -> HttpResponse | None:
        """Ask before something is done to rows; the user needs the role wherever they are."""
        self.demand(request, role or self.writes, rows)
        return confirm(self, request, plan, [str(row) for row in rows])

    def removal(self, request: HttpRequest, rows: models.QuerySet[Any]) -> Plan:
        """How rows are removed."""
        actor = actor_of(request)
        return Plan(
            "delete",
            f"Remove {self.opts.verbose_name_plural}?",
            "Remove",
            lambda reason, dry_run: self.perform_removal(rows, actor, reason, dry_run),
        )

    def perform_removal(
        self, rows: models.QuerySet[Any], actor: Actor, reason: str, dry_run: bool
    ) -> list[Change]:
        """Remove rows; raises `Refused`."""
        return change_each(rows, actor, reason, dry_run, delete_rows)

    def _deletion(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if not self.has_delete_permission(request, row):
            raise PermissionDenied
        rows = self.get_queryset(request).filter(pk=row.pk)
        answer = self.ask(request, rows, self.removal(request, rows))
        return answer or self.response_delete(request, str(row), row.pk)

    def log_addition(self, *_: Any) -> Any:
        """The audit trail is the log."""

    def log_change(self, *_: Any) -> Any:
        """The audit trail is the log."""

    def log_deletions(self, *_: Any) -> Any:
        """The audit trail is the log."""
