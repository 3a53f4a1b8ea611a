"""Proposals in the admin: what each would change, and the decisions, asked before they are made."""

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from cluster_admin.accounts.admin_base import ReadOnlyAdmin
from cluster_admin.accounts.roles import Role
from cluster_admin.accounts.services import actor_of, allowed_anywhere
from cluster_admin.audit.actor import Actor
from cluster_admin.configs import diffs
from cluster_admin.configs import proposal_deciding as deciding
from cluster_admin.configs.diffs_of_changes import of_change
from cluster_admin.configs.proposal_models import Proposal
from cluster_admin.configs.proposal_reading import base_of, visible
from cluster_admin.configs.refusals import DeniedError
from cluster_admin.configs.refusals import Refused as Unfit
from cluster_admin.inventory.admin_confirm import Plan, confirm
from cluster_admin.inventory.admin_diff import difference
from cluster_admin.inventory.refusals import Refused
from workers.config.errors import ConfigError
from workers.repository.errors import RepositoryError

Decide = Callable[[Actor, Proposal, str], Any]
Told = tuple[int, str]
EXPECTED = (DeniedError, Refused, Unfit, RepositoryError, ConfigError)


class ProposalAdmin(ReadOnlyAdmin):
    """Changes that wait for another person; of the places that the user may read."""

    within = ""
    list_display = ("__str__", "state", "author", "title", "touches", "created_at", "decided_by")
    list_filter = ("state",)
    search_fields = ("author", "message")
    date_hierarchy = "created_at"
    ordering = ("-id",)
    actions = ("approve", "reject", "withdraw", "export_csv")
    fields = (
        *("state", "author", "message", "touches", "base", "files", "size", "created_at"),
        *("decided_by", "decided_at", "comment", "revision", "diff"),
    )
    readonly_fields = ("touches", "diff")

    def may(self, request: HttpRequest, role: Role | None, obj: models.Model | None = None) -> bool:
        """Every reader of a subcluster sees something, of others' proposals nothing."""
        if role is None:
            return False
        if obj is None:
            return allowed_anywhere(request.user, role)
        return visible(request.user).filter(pk=obj.pk).exists()

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """Only what the user may read, without the changes."""
        return visible(request.user)

    @admin.action(description="Approve: commit what others proposed", permissions=["view"])
    def approve(self, request: HttpRequest, rows: models.QuerySet[Proposal]) -> Any:
        """Approve those chosen."""
        return self._ask(request, rows, "approve", deciding.approve)

    @admin.action(description="Reject what others proposed", permissions=["view"])
    def reject(self, request: HttpRequest, rows: models.QuerySet[Proposal]) -> Any:
        """Reject those chosen."""
        return self._ask(request, rows, "reject", deciding.reject)

    @admin.action(description="Withdraw one's own", permissions=["view"])
    def withdraw(self, request: HttpRequest, rows: models.QuerySet[Proposal]) -> Any:
        """Withdraw those chosen."""
        return self._ask(request, rows, "withdraw", deciding.withdraw)

    def tell(self, request: HttpRequest, told: Sequence[Told]) -> None:
        """What came of each."""
        for level, sentence in told:
            self.message_user(request, sentence, level)

    @admin.display(description="what")
    def title(self, row: Proposal) -> str:
        """The first line of its message."""
        return row.title

    @admin.display(description="touches")
    def touches(self, row: Proposal) -> str:
        """Subclusters, and `global`."""
        return ", ".join(sorted(row.tops()))

    @admin.display(description="difference in the repository")
    def diff(self, row: Proposal) -> SafeString | str:
        """As a unified diff."""
        bounds = diffs.Bounds(files=50, lines=1_000)
        found = of_change(base_of(row), deciding.changes_of(row), bounds)
        return difference(diffs.unified(found)) or "none"

    def _ask(
        self, request: HttpRequest, rows: models.QuerySet[Proposal], verb: str, decide: Decide
    ) -> HttpResponse | None:
        chosen = list(rows)

        def perform(reason: str, dry_run: bool) -> list[Any]:
            return (
                [] if dry_run else [self._one(request, row, verb, decide, reason) for row in chosen]
            )

        question = f"{verb.capitalize()} {len(chosen)} proposal{'s' if len(chosen) > 1 else ''}?"
        names = [f"{row} by {row.author}: {row.title}" for row in chosen]
        return confirm(self, request, Plan(verb, question, verb.capitalize(), perform), names)

    def _one(
        self, request: HttpRequest, row: Proposal, verb: str, decide: Decide, reason: str
    ) -> Told:
        try:
            decide(actor_of(request), row, reason)
        except EXPECTED as error:
            outcome = "denied" if isinstance(error, DeniedError) else "refused"
            self.audit(request, verb, str(row), outcome=outcome, reason=str(error))
            return messages.ERROR, f"{row} stays as it is: {error}"
        state = Proposal.objects.values_list("state", flat=True).get(pk=row.pk)
        return messages.SUCCESS, f"{row} is {state}"
