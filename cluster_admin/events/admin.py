"""History in the admin: read, searched and exported, never changed; and who is told of it."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from cluster_admin.accounts.admin_audited import AuditedAdmin
from cluster_admin.accounts.admin_base import ReadOnlyAdmin
from cluster_admin.accounts.roles import Role
from cluster_admin.accounts.services import allowed_anywhere
from cluster_admin.events.models import (
    Cursor,
    Event,
    ListenerStatus,
    Notification,
    NotificationTarget,
    Topic,
)
from cluster_admin.inventory.admin_live import badge, exact, moment


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    """What happened, newest first."""

    within = "subcluster"
    list_display = (
        *("when", "subcluster", "node", "kind", "vip", "peer", "actor", "reason", "detail"),
        *("epoch", "gap_ms"),
    )
    list_filter = ("kind", "actor", "subcluster", "time")
    search_fields = ("node", "vip", "peer", "reason", "detail")
    date_hierarchy = "time"
    show_full_result_count = False

    @admin.display(description="time", ordering="time")
    def when(self, row: Event) -> str:
        """To the millisecond."""
        return exact(row.time)


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


class TargetForm(forms.ModelForm):
    """Topics are ticked; the secret is written, and never shown again."""

    kinds = forms.MultipleChoiceField(
        label="Told of",
        choices=Topic.choices,
        widget=forms.CheckboxSelectMultiple,
        initial=Topic.values,
    )
    secret = forms.CharField(
        required=False,
        max_length=200,
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
        help_text="Signs what a webhook gets. Empty: as it was.",
    )

    class Meta:
        """All of a target."""

        model = NotificationTarget
        fields = ("kind", "address", "subcluster", "kinds", "enabled", "secret")

    def clean_secret(self) -> str:
        """An empty field keeps what was."""
        return str(self.cleaned_data["secret"] or self.instance.secret)


@admin.register(NotificationTarget)
class NotificationTargetAdmin(AuditedAdmin):
    """Who is told; for whoever administers the cluster, since the manager reaches far."""

    form = TargetForm
    list_display = ("address", "kind", "subcluster", "topics", "enabled", "signed")
    list_filter = ("kind", "enabled", "subcluster")
    search_fields = ("address",)

    def told(self, row: Any) -> dict[str, Any]:
        """Everything but the secret."""
        names = ("kind", "address", "subcluster", "kinds", "enabled")
        return {**{name: getattr(row, name) for name in names}, "signed": bool(row.secret)}

    @admin.display(description="told of")
    def topics(self, row: NotificationTarget) -> str:
        """Without brackets and quotes."""
        return ", ".join(map(str, row.kinds))

    @admin.display(description="signed", boolean=True)
    def signed(self, row: NotificationTarget) -> bool:
        """Whether there is a secret."""
        return bool(row.secret)


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin):
    """What was told to whom, and what became of it."""

    within = ""
    reads = Role.ADMIN
    list_display = (
        *("created_at", "topic", "subcluster", "node", "cause", "count", "target"),
        *("shown_state", "attempts", "sent_at", "last_error"),
    )
    list_filter = ("state", "topic", "subcluster", "target")
    list_select_related = ("target",)
    search_fields = ("node", "cause", "last_error")
    date_hierarchy = "created_at"
    exclude = ("event",)

    @admin.display(description="state", ordering="state")
    def shown_state(self, row: Notification) -> SafeString:
        """What became of it."""
        return badge(row.state)
