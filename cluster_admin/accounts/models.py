"""Users, what they may do where (`Grant`), and the tokens that programs use in their place.

A superuser may do everything. Subclusters are named by text: this app knows none of the others.
Of a token only a digest is stored, so that nobody can use what the database holds.
"""

from typing import Any

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from cluster_admin.accounts.roles import Role, Scope


class User(AbstractUser):
    """Somebody who logs in."""


class Grant(models.Model):
    """A role of a user in one subcluster, or in every one (and then over what spans them)."""

    user = models.ForeignKey(User, models.CASCADE, related_name="grants")
    role = models.CharField(max_length=10, choices=Role.choices)
    subcluster = models.CharField(
        max_length=63, blank=True, help_text="Name of a subcluster; empty: every subcluster."
    )

    class Meta:
        """One role per user and subcluster."""

        ordering = ("user__username", "subcluster")
        constraints = (
            models.UniqueConstraint(
                fields=("user", "subcluster"),
                name="grant_once",
                violation_error_message="This user has a role there already: change that one.",
            ),
        )

    def __str__(self) -> str:
        return f"{self.user}: {self.role} of {self.subcluster or 'every subcluster'}"


def all_scopes() -> list[str]:
    """Every scope: what a token may be used for unless it says less."""
    return list(Scope.values)


def check_scopes(value: Any) -> None:
    """Refuse what is not a list of known scopes, each once."""
    known = ", ".join(Scope.values)
    if not isinstance(value, list) or not value:
        raise ValidationError(f"scopes: write a list of {known}")
    for one in value:
        if one not in Scope.values:
            raise ValidationError(f"scope {str(one)[:40]!r} is not known; there are {known}")
    if len(set(value)) != len(value):
        raise ValidationError("scopes: each one once")


class Token(models.Model):
    """What a program shows instead of a password; works until it expires or is revoked."""

    user = models.ForeignKey(User, models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=16, editable=False)
    """The beginning of the secret, for people to tell tokens apart."""
    digest = models.CharField(max_length=64, unique=True, editable=False)
    """SHA-256 of the secret, in hexadecimal."""
    read_only = models.BooleanField(default=False, help_text="Reads only, whatever the scopes.")
    scopes = models.JSONField(default=all_scopes, validators=[check_scopes])
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """Newest first."""

        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.name} of {self.user} ({self.prefix}...)"
