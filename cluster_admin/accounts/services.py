"""What a user may do, and who it is that asks: the questions that every view and admin asks.

Roles are looked up once per user object, so once per request.
"""

from typing import Any

from django.http import HttpRequest

from cluster_admin.accounts.models import User
from cluster_admin.accounts.roles import Role
from cluster_admin.audit.actor import Actor

EVERY = ""
"""The subcluster of a grant that holds for every one."""


def grants_of(user: Any) -> dict[str, Role]:
    """Role by subcluster (`EVERY` for all); nothing for whoever is not logged in or not active."""
    if not isinstance(user, User) or not user.is_active:
        return {}
    if user.is_superuser:
        return {EVERY: Role.ADMIN}
    found: dict[str, Role] | None = getattr(user, "_roles", None)
    if found is None:
        found = {grant.subcluster: Role(grant.role) for grant in user.grants.all()}
        user._roles = found  # type: ignore[attr-defined]
    return found


def role_of(user: Any, subcluster: str = EVERY) -> Role | None:
    """The highest role of a user in a subcluster; with `EVERY`: over what spans them."""
    grants = grants_of(user)
    found = [grants[name] for name in {EVERY, subcluster} if name in grants]
    return max(found, key=lambda role: role.rank, default=None)


def allowed(user: Any, role: Role, subcluster: str = EVERY) -> bool:
    """Whether a user has that role, or a higher one, in a subcluster."""
    found = role_of(user, subcluster)
    return found is not None and found.rank >= Role(role).rank


def allowed_anywhere(user: Any, role: Role) -> bool:
    """Whether a user has that role in some subcluster at least."""
    return any(one.rank >= Role(role).rank for one in grants_of(user).values())


def readable(user: Any) -> frozenset[str] | None:
    """Names of the subclusters a user may read; None: every one."""
    grants = grants_of(user)
    return None if EVERY in grants else frozenset(grants)


def source_of(request: HttpRequest) -> str:
    """IP address of the client, as the server (uvicorn) tells it."""
    return str(request.META.get("REMOTE_ADDR") or "")


def actor_of(request: Any) -> Actor:
    """Who sends a request of Django or DRF, for the audit."""
    user = getattr(request, "user", None)
    name = user.get_username() if user is not None and user.is_authenticated else "anonymous"
    token = getattr(request, "auth", None)
    through_api = token is not None or request.path.startswith("/api/")
    return Actor(
        name=name,
        source=source_of(request),
        token=str(getattr(token, "name", "")),
        via="api" if through_api else "admin",
    )
