"""Tokens in the admin: one's own, made and revoked; all of them for the cluster's admins.

The secret is on the page that answers the making, and nowhere else ever after. Nobody makes a token
for somebody else: it would act in their name.
"""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from cluster_admin.accounts import tokens
from cluster_admin.accounts.admin_base import GrantedAdmin
from cluster_admin.accounts.models import Token, all_scopes
from cluster_admin.accounts.roles import Role, Scope
from cluster_admin.accounts.services import allowed, allowed_anywhere

MOST_DAYS = tokens.LONGEST_LIFE.days


class TokenForm(forms.ModelForm):
    """What a token may do, and for how long."""

    scopes = forms.MultipleChoiceField(
        choices=Scope.choices, widget=forms.CheckboxSelectMultiple, initial=all_scopes
    )
    days = forms.IntegerField(
        min_value=1, max_value=MOST_DAYS, initial=tokens.USUAL_LIFE.days, label="Works for (days)"
    )

    class Meta:
        """Everything else is made with the secret."""

        model = Token
        fields = ("name", "read_only", "scopes")


class TokenAdmin(GrantedAdmin):
    """A token is made once, revoked once, and never changed."""

    within = ""
    form = TokenForm
    list_display = (
        *("name", "user", "prefix", "read_only", "shown_scopes", "works"),
        *("expires_at", "last_used_at", "created_at"),
    )
    list_filter = ("read_only", "expires_at")
    list_select_related = ("user",)
    search_fields = ("name", "prefix", "user__username")
    actions = ("revoke", "export_csv")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """One's own, or all for the cluster's admins."""
        rows = super().get_queryset(request)
        return rows if allowed(request.user, Role.ADMIN) else rows.filter(user=request.user.pk)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may do something at all; the rows are limited above."""
        return allowed_anywhere(request.user, Role.VIEWER)

    has_module_permission = has_view_permission
    has_revoke_permission = has_view_permission

    def has_add_permission(self, request: HttpRequest) -> bool:
        """For oneself."""
        return self.has_view_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: revoke it and make another."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Revoking keeps what it was."""
        return False

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """What is asked, or what is known."""
        if obj is None:
            return ("name", "read_only", "scopes", "days")
        known = ("name", "user", "prefix", "read_only", "shown_scopes", "works")
        return (*known, "created_at", "expires_at", "last_used_at", "revoked_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Everything, once it is made."""
        return self.get_fields(request, obj) if obj else ()

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Make it, and keep the secret until the answer is written."""
        told = form.cleaned_data
        user: Any = request.user
        made, secret = tokens.make_token(
            user,
            told["name"],
            read_only=told["read_only"],
            scopes=told["scopes"],
            life=timedelta(days=told["days"]),
        )
        obj.__dict__.update(made.__dict__)
        request.muster_secret = secret  # type: ignore[attr-defined]
        after = {"scopes": made.scopes, "read_only": made.read_only, "expires": made.expires_at}
        self.audit(request, "create", str(made), after=after)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> Any:
        """The one page that has the secret."""
        secret = getattr(request, "muster_secret", "")
        response = self.own_page(request, "secret", f"Token {obj.name}", token=obj, secret=secret)
        response["Cache-Control"] = "no-store"
        return response

    @admin.action(description="Revoke", permissions=["revoke"])
    def revoke(self, request: HttpRequest, rows: models.QuerySet[Token]) -> HttpResponse | None:
        """End tokens, after a question."""
        if "confirmed" in request.POST:
            for row in rows:
                tokens.revoke(row)
                self.audit(request, "revoke", str(row))
            self.message_user(request, "Revoked: they do not work any more.")
            return None
        chosen = request.POST.getlist(ACTION_CHECKBOX_NAME)
        return self.own_page(
            request, "revoke", "Revoke these tokens?", rows=list(rows), chosen=chosen
        )

    @admin.display(description="scopes")
    def shown_scopes(self, row: Token) -> str:
        """Without brackets and quotes."""
        return ", ".join(row.scopes)

    @admin.display(description="works", boolean=True)
    def works(self, row: Token) -> bool:
        """Neither expired nor revoked."""
        return row.revoked_at is None and row.expires_at > timezone.now()

    def log_addition(self, *_: Any) -> Any:
        """The audit trail is the log."""
