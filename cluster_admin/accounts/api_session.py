"""Logging in for a token, logging out of it, and who one is."""

from datetime import timedelta
from typing import Any, ClassVar

from django.contrib.auth import authenticate
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cluster_admin.accounts.api_permissions import LoggedIn
from cluster_admin.accounts.api_serializers import LoginAnswer, LoginBody, Whoami
from cluster_admin.accounts.models import Token, User
from cluster_admin.accounts.services import actor_of, grants_of, source_of
from cluster_admin.accounts.throttle import (
    NAME_LENGTH,
    PASSWORD_LENGTH,
    WINDOW,
    must_wait,
)
from cluster_admin.accounts.tokens import USUAL_LIFE, make_token, revoke
from cluster_admin.audit import services as audit
from cluster_admin.audit.actor import Actor
from cluster_admin.rest.fields import Nothing
from cluster_admin.rest.problems import Code, Problem
from cluster_admin.rest.views import View


class Login(View):
    """POST name and password; the answer has a token."""

    kind = "session"
    authentication_classes = ()
    permission_classes = ()

    @extend_schema(request=LoginBody, responses={201: LoginAnswer, 401: None, 429: None})
    def post(self, request: Request) -> Response:
        """Log in: a new token."""
        body = LoginBody(data=request.data)
        body.is_valid(raise_exception=True)
        told = body.validated_data
        user = _user(request, told["username"], told["password"])
        life = timedelta(seconds=told.get("expires_in_seconds") or USUAL_LIFE.total_seconds())
        token, secret = make_token(
            user,
            told["name"],
            read_only=told["read_only"],
            scopes=told.get("scopes"),
            life=life,
        )
        actor = Actor(user.get_username(), source_of(request), token.name, "api")
        audit.record(actor, "login", kind=self.kind, after={"token": str(token)})
        answer = {
            "token": secret,
            "name": token.name,
            "expires_at": token.expires_at,
            "user": user.get_username(),
        }
        return Response(answer, status=201, headers={"Cache-Control": "no-store"})


class Logout(View):
    """POST ends the token that is used."""

    kind = "session"
    permission_classes = (LoggedIn,)
    harmless: ClassVar[bool] = True
    """Even a token that only reads may end itself."""

    def needs(self) -> tuple[str, str]:
        """No scope."""
        return self.write_role, ""

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        """Log out: revoke the token that is used."""
        Nothing(data=request.data).is_valid(raise_exception=True)
        if not isinstance(request.auth, Token):
            raise Problem(Code.REFUSED, "no token was used; browsers log out at /logout/")
        revoke(request.auth)
        audit.record(actor_of(request), "logout", kind=self.kind)
        return Response(status=204)


class WhoAmI(View):
    """GET says who asks, and what they may do."""

    kind = "session"
    permission_classes = (LoggedIn,)

    def needs(self) -> tuple[str, str]:
        """No scope."""
        return self.read_role, ""

    @extend_schema(responses=Whoami)
    def get(self, request: Request) -> Response:
        """Who asks: user, roles, token."""
        user: Any = request.user
        token = request.auth
        roles = [
            {"role": role.value, "subcluster": subcluster}
            for subcluster, role in sorted(grants_of(user).items())
        ]
        return Response(
            {
                "user": user.get_username(),
                "superuser": user.is_superuser,
                "roles": roles,
                "token": _told(token) if isinstance(token, Token) else None,
            }
        )


def _told(token: Token) -> dict[str, Any]:
    names = ("name", "read_only", "scopes", "expires_at")
    return {name: getattr(token, name) for name in names}


def _user(request: Request, name: str, password: str) -> User:
    if must_wait(name, source_of(request), timezone.now()):
        authenticate(request._request, username=name, password="")
        minutes = int(WINDOW.total_seconds() // 60)
        raise Problem(
            Code.THROTTLED,
            f"too many failed logins; try again in {minutes} minutes",
            headers={"Retry-After": str(int(WINDOW.total_seconds()))},
        )
    user = authenticate(
        request._request, username=name[:NAME_LENGTH], password=password[:PASSWORD_LENGTH]
    )
    if not isinstance(user, User):
        raise Problem(Code.UNAUTHENTICATED, "name or password is wrong")
    return user
