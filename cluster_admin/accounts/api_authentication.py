"""Who sends a request of the API: `Authorization: Bearer TOKEN`, or a browser's session with CSRF.

A header that does not work is an error and never falls back to the session.
"""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from cluster_admin.accounts.models import Token, User
from cluster_admin.accounts.tokens import Flaw, TokenRefused, check_token
from cluster_admin.rest.problems import Code, Problem

REALM = 'Bearer realm="muster"'


class TokenProblem(Problem):
    """A token that does not work; remembers whose it is, for the audit."""

    def __init__(self, code: Code, sentence: str, token: Token | None = None) -> None:
        super().__init__(code, sentence, headers={"WWW-Authenticate": REALM})
        self.token = token


class Bearer(BaseAuthentication):
    """Tokens."""

    def authenticate(self, request: Request) -> tuple[User, Token] | None:
        """The token's user, and the token as `request.auth`; raises `TokenProblem`."""
        header = str(request.META.get("HTTP_AUTHORIZATION", ""))
        if not header:
            return None
        scheme, _, secret = header.partition(" ")
        if scheme.lower() != "bearer" or not secret.strip():
            way = "send Authorization: Bearer TOKEN"
            raise TokenProblem(Code.UNAUTHENTICATED, f"the Authorization header is no token; {way}")
        try:
            token = check_token(secret.strip())
        except TokenRefused as refused:
            expired = refused.flaw is Flaw.EXPIRED
            code = Code.TOKEN_EXPIRED if expired else Code.UNAUTHENTICATED
            raise TokenProblem(code, str(refused), refused.token) from refused
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        """For 401."""
        return REALM


class BearerScheme(OpenApiAuthenticationExtension):
    """For the OpenAPI document."""

    target_class = "cluster_admin.accounts.api_authentication.Bearer"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """HTTP bearer."""
        return {"type": "http", "scheme": "bearer"}


class SessionScheme(OpenApiAuthenticationExtension):
    """For the OpenAPI document."""

    target_class = "rest_framework.authentication.SessionAuthentication"
    priority = 1
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """The session's cookie."""
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}
