"""Whether a request may do what it asks: what the user's roles and the token's scopes both allow.

Views declare what they need (`rest.views.View.needs`). Lists show what may be read; a single object
that exists elsewhere is refused by name, so that people know whom to ask.
"""

from typing import Any

from django.db.models import QuerySet
from rest_framework.filters import BaseFilterBackend
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from cluster_admin.accounts.models import Token
from cluster_admin.accounts.roles import Role
from cluster_admin.accounts.services import EVERY, allowed, allowed_anywhere, readable
from cluster_admin.rest.problems import Code, Problem

SAFE = ("GET", "HEAD")


class LoggedIn(BasePermission):
    """Anybody with an account; tokens within their scopes."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """False means 401; a token that may not raises the problem that says why."""
        if not request.user.is_authenticated:
            return False
        if isinstance(request.auth, Token):
            _check_token(request.auth, request, view)
        return True


class ByRole(LoggedIn):
    """Those with the role that the view needs, where the object is."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether anything of the kind may be done anywhere."""
        if not super().has_permission(request, view):
            return False
        role = Role(view.needs()[0])
        reads_shared = view.shared and request.method in SAFE
        if view.within or reads_shared:
            may = allowed_anywhere(request.user, role)
        else:
            may = allowed(request.user, role)
        if not may:
            raise _forbidden(role, EVERY if not view.within else None)
        return True

    def has_object_permission(self, request: Request, view: Any, obj: Any) -> bool:
        """Whether it may be done to this object."""
        if not view.within:
            return True
        role, subcluster = Role(view.needs()[0]), view.subcluster_of(obj)
        if not allowed(request.user, role, subcluster):
            raise _forbidden(role, subcluster)
        return True


class Readable(BaseFilterBackend):
    """Lists show the subclusters in which the user has a role."""

    def filter_queryset(self, request: Request, queryset: QuerySet, view: Any) -> QuerySet:
        """In the database, so that counts are right."""
        names = readable(request.user)
        if names is None or not view.within:
            return queryset
        return queryset.filter(**{f"{view.within}__in": sorted(names)})


def _check_token(token: Token, request: Request, view: Any) -> None:
    if token.read_only and request.method not in SAFE and not getattr(view, "harmless", False):
        raise Problem(Code.READ_ONLY_TOKEN, f"token {token.name!r} only reads; use another")
    scope = view.needs()[1]
    if scope and scope not in token.scopes:
        has = ", ".join(token.scopes)
        raise Problem(
            Code.SCOPE_MISSING, f"token {token.name!r} lacks the scope {scope} (it has {has})"
        )


def _forbidden(role: Role, subcluster: str | None) -> Problem:
    where = {None: "a subcluster", EVERY: "every subcluster"}.get(
        subcluster, f"subcluster {subcluster}"
    )
    return Problem(
        Code.FORBIDDEN, f"this needs the role {role.value} of {where}; ask an administrator"
    )
