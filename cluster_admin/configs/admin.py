"""The configuration in the admin: what there is and was, to read; review rules, to set.

Revisions are made elsewhere, and what nodes told is nobody's to change.
"""

from typing import Any

from django import forms
from django.contrib import admin
from django.db import models
from django.http import HttpRequest

from cluster_admin.accounts.admin_audited import AuditedAdmin
from cluster_admin.accounts.admin_base import ReadOnlyAdmin
from cluster_admin.configs.admin_proposals import ProposalAdmin
from cluster_admin.configs.models import Application, Deployment, Replica, Revision
from cluster_admin.configs.proposal_models import Proposal, ReviewRule
from cluster_admin.configs.proposal_rules import values_of
from cluster_admin.configs.rollout_models import Rollout
from cluster_admin.inventory.models import Subcluster
from workers.repository.core.paths import GLOBAL

admin.site.register(Proposal, ProposalAdmin)


@admin.register(Revision)
class RevisionAdmin(ReadOnlyAdmin):
    """The history of the whole tree: for who reads every subcluster."""

    within = ""
    list_display = ("__str__", "author", "title", "at")
    search_fields = ("author", "message")
    date_hierarchy = "at"
    ordering = ("-number",)

    @admin.display(description="what")
    def title(self, row: Revision) -> str:
        """The first line of its message."""
        return row.message.partition("\n")[0]


@admin.register(Deployment)
class DeploymentAdmin(ReadOnlyAdmin):
    """Which revision shall be live where."""

    list_display = ("subcluster", "mode", "revision")
    list_filter = ("mode",)
    list_select_related = ("subcluster",)
    ordering = ("subcluster__name",)


@admin.register(Replica)
class ReplicaAdmin(ReadOnlyAdmin):
    """How nodes stand, as they told last."""

    within = "subcluster"
    list_display = ("node", "subcluster", "live", "number", "drift_count", "trouble", "heard_at")
    list_filter = ("subcluster", "autoupdate")
    search_fields = ("node",)


@admin.register(Application)
class ApplicationAdmin(ReadOnlyAdmin):
    """What came of trees on nodes; the newest are kept."""

    within = "subcluster"
    list_display = ("node", "revision", "outcome", "step", "sentence", "at")
    list_filter = ("outcome", "subcluster")
    search_fields = ("node", "sentence")
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """Lists do without what programs wrote."""
        return super().get_queryset(request).defer("output")


@admin.register(Rollout)
class RolloutAdmin(ReadOnlyAdmin):
    """Revisions that went out node by node."""

    within = "subcluster"
    list_display = ("__str__", "phase", "started_by", "started_at", "ended_at", "reason")
    list_filter = ("phase", "subcluster")
    search_fields = ("started_by", "reason")
    ordering = ("-id",)


class ReviewRuleForm(forms.ModelForm):
    """A rule of a place that there is."""

    place = forms.ChoiceField()

    class Meta:
        """All of it."""

        model = ReviewRule
        fields = ("place", "required", "definitions")

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        names = [GLOBAL, *Subcluster.objects.order_by("name").values_list("name", flat=True)]
        if self.instance.pk and self.instance.place not in names:
            names.append(self.instance.place)
        self.fields["place"] = forms.ChoiceField(choices=[(name, name) for name in names])

    def clean(self) -> Any:
        """Definitions are guarded by the rule, or not at all."""
        found = super().clean() or self.cleaned_data
        if found.get("definitions") and not found.get("required"):
            sentence = "definitions are not guarded without the rule; tick required too"
            self.add_error("definitions", sentence)
        return found


@admin.register(ReviewRule)
class ReviewRuleAdmin(AuditedAdmin):
    """Where another person approves each commit; for who administers every subcluster."""

    form = ReviewRuleForm
    list_display = ("place", "required", "definitions")
    list_filter = ("required",)

    def told(self, row: Any) -> dict[str, Any]:
        """What it asks for."""
        return values_of(row)
