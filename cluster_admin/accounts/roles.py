"""Roles and scopes, as values.

A role says what a user may do in a subcluster (or in every one); each holds what the ones before
it hold. A scope says what a token may be used for; a token can do what its user and its scopes
both allow.
"""

from django.db import models


class Role(models.TextChoices):
    """In rising order."""

    VIEWER = "viewer", "viewer: reads"
    EDITOR = "editor", "editor: commits to a subcluster's directories, proposes"
    OPERATOR = "operator", "operator: drains nodes, changes VIPs, deploys"
    APPROVER = "approver", "approver: approves what others propose"
    ADMIN = "admin", "admin: everything"

    @property
    def rank(self) -> int:
        """1 to 5."""
        return list(Role).index(self) + 1


class Scope(models.TextChoices):
    """What a token may be used for."""

    READ = "read", "read everything that the user may read"
    OPERATE = "operate", "drain, undrain and maintain nodes"
    DEFINE = "define", "change definitions: VIPs, nodes, topologies, settings, subclusters"
    ACCOUNTS = "accounts", "users, grants and tokens"
