"""Subclusters in the admin: one page with all settings, definitions files in and out."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse

from cluster_admin.accounts.roles import Role
from cluster_admin.accounts.services import actor_of, allowed
from cluster_admin.audit.actor import Actor
from cluster_admin.inventory import knobs, repository, services
from cluster_admin.inventory.admin_base import CHECK, Checked, DefiningAdmin, DefiningForm
from cluster_admin.inventory.admin_import import import_page
from cluster_admin.inventory.models import Subcluster
from cluster_admin.inventory.services import Change, Refused
from workers.failover.core.definitions_rules import COMMANDS
from workers.failover.core.hooks import COMMAND_CHARACTERS

KNOB = "knob_"
"""Fields of knobs are named so, lest one clashes with the subcluster's own."""


def _field(knob: knobs.Knob) -> forms.Field:
    """A field for one knob; empty stands for the default."""
    label = knob.name
    if knob.choices:
        default = [("", f"default ({knob.default})")]
        choices = default + [(one, one) for one in knob.choices]
        return forms.ChoiceField(choices=choices, required=False, label=label, help_text=knob.help)
    if knob.command:
        return _command_field(knob)
    bounds = f"{knob.low:g} to {knob.high:g}{' ' if knob.unit else ''}{knob.unit}"
    kind: Any = forms.IntegerField if knob.whole else forms.FloatField
    field: forms.Field = kind(
        required=False,
        label=label,
        min_value=knob.low,
        max_value=knob.high,
        help_text=f"{knob.help} {bounds}; default {knob.default:g}.",
        error_messages={
            code: f"{label}: write {bounds}" for code in ("invalid", "min_value", "max_value")
        },
    )
    field.widget.attrs |= {"placeholder": f"{knob.default:g}", "step": "any"}
    return field


def _command_field(knob: knobs.Knob) -> forms.Field:
    """A field for a command; what is none is refused with the way out."""

    def refuse(text: str) -> None:
        if refusal := COMMANDS[knob.name](text):
            raise ValidationError(f"{knob.name} {refusal}")

    field = forms.CharField(
        required=False,
        label=knob.name,
        max_length=COMMAND_CHARACTERS,
        help_text=f"{knob.help} Empty: none.",
        validators=[refuse],
    )
    field.widget.attrs["class"] = "vTextField"
    return field


class _NamedForm(DefiningForm):
    """The subcluster itself; the settings are added below."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            for name, value in knobs.values_of(self.instance).items():
                self.initial[KNOB + name] = value

    def field_of(self, refused: Refused) -> str:
        """Refusals about a knob begin with its name, and belong to its field."""
        return KNOB + refused.sentence.partition(" ")[0]

    def wanted(self) -> dict[str, Any]:
        """The values of knobs that were written."""
        found = {one.name: self.cleaned_data.get(KNOB + one.name) for one in knobs.all_knobs()}
        return {name: value for name, value in found.items() if value not in (None, "")}


SubclusterForm: Any = type(
    "SubclusterForm", (_NamedForm,), {KNOB + one.name: _field(one) for one in knobs.all_knobs()}
)


class SubclusterAdmin(DefiningAdmin):
    """Whoever administers a subcluster sets its knobs; new ones are for the cluster's admins."""

    within = "name"
    form = SubclusterForm
    change_list_template = "admin/muster/subclusters.html"
    list_display = ("name", "description", "newest", "nodes", "acting", "created_at")
    list_select_related = False
    ordering = ("name",)
    search_fields = ("name", "description")
    readonly_fields = ("newest", "acting")
    identity = ("name",)
    fieldsets = (
        (None, {"fields": ("name", "description", "newest", "acting", "reason")}),
        (
            "Settings",
            {
                "fields": tuple(KNOB + one.name for one in knobs.all_knobs()),
                "description": "An empty field means the default.",
            },
        ),
    )

    def get_urls(self) -> Any:
        """Add the pages that take definitions in and give them out."""
        wrap = self.admin_site.admin_view
        return [
            path("import/", wrap(self.import_view), name="inventory_subcluster_import"),
            path(
                "<int:pk>/definitions/",
                wrap(self.download),
                name="inventory_subcluster_definitions",
            ),
            *super().get_urls(),
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """New subclusters are for whoever administers the cluster."""
        return allowed(request.user, Role.ADMIN)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """So is their end."""
        return allowed(request.user, Role.ADMIN)

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """Count nodes, and find the oldest revision that one acts on."""
        rows = super().get_queryset(request)
        counted: models.QuerySet[Any] = rows.annotate(
            node_count=models.Count("node"), oldest=models.Min("node__status__revision")
        )
        return counted

    def home_of(self, row: Any) -> Subcluster:
        """Itself."""
        home: Subcluster = row
        return home

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """The description, and all settings, in one change."""
        reason, dry_run = form.cleaned_data["reason"], CHECK in request.POST
        before = services.values_of(Subcluster.objects.get(pk=obj.pk)) if change else None
        if not change:
            obj.save()  # taken back with the request if the change fails
        with services.change(obj, actor_of(request), reason, dry_run) as done:
            obj.save(update_fields=["description"])
            if before is None or before != services.values_of(obj):
                done.note("update" if change else "create", obj, before)
            knobs.write(done, form.wanted())
        if dry_run:
            raise Checked(done)
        self.tell(request, [done])

    def perform_removal(
        self, rows: models.QuerySet[Any], actor: Actor, reason: str, dry_run: bool
    ) -> list[Change]:
        """Only empty ones go; their settings and revisions go along."""
        with transaction.atomic():
            for row in rows:
                services.remove_subcluster(row, actor, reason, dry_run)
            transaction.set_rollback(dry_run)
        return []

    def form_page(
        self, request: HttpRequest, object_id: str | None, form_url: str, extra_context: Any
    ) -> HttpResponse:
        """Add the definitions to the page's tools."""
        tools = []
        if object_id and object_id.isdecimal():
            file = reverse("admin:inventory_subcluster_definitions", args=(object_id,))
            revisions = reverse("admin:inventory_revision_changelist")
            tools = [
                ("Definitions file", file),
                ("Import", reverse("admin:inventory_subcluster_import")),
                ("Revisions", f"{revisions}?subcluster__id__exact={object_id}"),
            ]
        return super().form_page(
            request, object_id, form_url, {"tools": tools, **(extra_context or {})}
        )

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """Make a subcluster what a file says."""
        return self.watched(request, "import", "", lambda: import_page(self, request))

    def download(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The newest definitions file, as nodes have it."""
        row = self.get_object(request, str(pk))
        if row is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, str(pk))
        text = repository.newest_text(row)
        response = HttpResponse(text, content_type="text/plain; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{row.name}.toml"'
        return response

    @admin.display(description="newest revision", ordering="revision")
    def newest(self, row: Subcluster) -> str:
        """What nodes should act on."""
        return f"r{row.revision}" if row.revision else "none yet"

    @admin.display(description="nodes", ordering="node_count")
    def nodes(self, row: Any) -> int:
        """How many."""
        count: int = row.node_count
        return count

    @admin.display(description="nodes act on")
    def acting(self, row: Any) -> str:
        """The oldest revision that a node acts on, if any."""
        if not row.node_count:
            return "no nodes"
        if not row.oldest:
            return "not every node was heard"
        return f"r{row.oldest}" + ("" if row.oldest == row.revision else " at least")
