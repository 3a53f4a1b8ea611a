"""Tokens (one's own; administrators see all), users and grants (administrators of everything)."""

from datetime import timedelta
from typing import Any, ClassVar

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import models
from django_filters.rest_framework import CharFilter, ChoiceFilter, FilterSet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cluster_admin.accounts.api_base import Plain, Values
from cluster_admin.accounts.api_permissions import LoggedIn
from cluster_admin.accounts.api_serializers import (
    GrantSerializer,
    TokenMade,
    TokenSerializer,
    UserSerializer,
)
from cluster_admin.accounts.models import Grant, Token, User
from cluster_admin.accounts.roles import Role
from cluster_admin.accounts.services import allowed
from cluster_admin.accounts.tokens import USUAL_LIFE, make_token, revoke
from cluster_admin.rest.problems import Code, Problem, invalid
from cluster_admin.rest.views import Written

NUMBER = "[0-9]{1,18}"
NAME = r"[^/\x00-\x1f\x7f]{1,150}"


class TokenFilters(FilterSet):
    """By user."""

    user = CharFilter(field_name="user__username", max_length=150)


class Tokens(Plain):
    """Tokens; deleting one revokes it."""

    kind = "token"
    queryset = Token.objects.select_related("user").order_by("-id")
    serializer_class = TokenSerializer
    permission_classes = (LoggedIn,)
    filterset_class = TokenFilters
    search_fields = ("name", "user__username")
    ordering_fields = ("name", "created_at", "expires_at", "last_used_at")
    lookup_field, lookup_value_regex = "id", NUMBER
    write_scope = "accounts"
    live: ClassVar[tuple[str, ...]] = ("last_used_at",)
    http_method_names: Any = ("get", "head", "post", "delete")
    secret = ""

    def get_queryset(self) -> models.QuerySet[Token]:
        """A list has one's own, unless one administers everything."""
        rows: models.QuerySet[Token] = super().get_queryset()
        if self.action != "list" or allowed(self.request.user, Role.ADMIN):
            return rows
        return rows.filter(user_id=self.request.user.pk or 0)

    def check_object_permissions(self, request: Request, obj: Token) -> None:
        """Other people's tokens are theirs."""
        super().check_object_permissions(request, obj)
        if obj.user_id != request.user.pk and not allowed(request.user, Role.ADMIN):
            raise Problem(Code.FORBIDDEN, "the token is another user's; only they may see it")

    @extend_schema(responses={201: TokenMade})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Make one; its secret is in the answer and cannot be had again."""
        response = super().create(request, *args, **kwargs)
        if response.status_code == 201:
            response.data["token"] = self.secret
            response.headers["Cache-Control"] = "no-store"
        return response

    def make(self, data: Values) -> Written:
        """Make a token of the user, which can do no more than the token that is used."""
        scopes, used = data.get("scopes"), self.request.auth
        if isinstance(used, Token):
            scopes = scopes or used.scopes
            more = [one for one in scopes if one not in used.scopes]
            if more:
                raise invalid(scopes=f"token {used.name!r} cannot give what it lacks: {more[0]}")
        life = timedelta(seconds=data.get("expires_in_seconds") or USUAL_LIFE.total_seconds())
        user: Any = self.request.user

        def make(row: models.Model) -> None:
            made, self.secret = make_token(
                user, data["name"], read_only=data["read_only"], scopes=scopes, life=life
            )
            row.__dict__.update(made.__dict__)

        return self.written("create", Token(user=user), make)

    def discard(self, row: models.Model) -> None:
        """Revoke; the row stays a while."""
        if isinstance(row, Token):
            revoke(row)


class Users(Plain):
    """Users."""

    kind = "user"
    queryset = User.objects.order_by("username")
    serializer_class = UserSerializer
    search_fields = ("username", "email")
    ordering_fields = ("username", "last_login", "date_joined")
    lookup_field, lookup_value_regex = "username", NAME
    read_role, write_role = "admin", "admin"
    write_scope = "accounts"
    live: ClassVar[tuple[str, ...]] = ("last_login",)

    def new(self, data: Values) -> models.Model:
        """The password is set when the row is saved."""
        return User(**{name: one for name, one in data.items() if name != "password"})

    def save(self, row: models.Model, data: Values) -> None:
        """Check the password and who may make superusers, then save."""
        if not isinstance(row, User):
            return
        self._check_might(row, data)
        row.set_unusable_password() if row.pk is None else None
        if "password" in data:
            try:
                validate_password(data["password"], row)
            except ValidationError as error:
                raise ValidationError({"password": error.messages}) from error
            row.set_password(data["password"])
        super().save(row, data)

    def discard(self, row: models.Model) -> None:
        """Nobody deletes themselves."""
        if isinstance(row, User):
            self._check_might(row, {"is_active": False})
        super().discard(row)

    def _check_might(self, row: User, data: Values) -> None:
        """Only superusers make, change or remove superusers; nobody locks themselves out."""
        asks: Any = self.request.user
        was = User.objects.filter(pk=row.pk, is_superuser=True).exists()
        if (row.is_superuser or was) and not asks.is_superuser:
            raise Problem(Code.FORBIDDEN, "only a superuser changes superusers")
        less = not data.get("is_active", True) or (was and not row.is_superuser)
        if row.pk == asks.pk and less:
            raise Problem(Code.REFUSED, "you would lock yourself out; let another user do it")


class GrantFilters(FilterSet):
    """By user, subcluster, role."""

    user = CharFilter(field_name="user__username", max_length=150)
    subcluster = CharFilter(max_length=63)
    role = ChoiceFilter(choices=Role.choices)

    class Meta:
        """The fields above."""

        model = Grant
        fields = ("user", "subcluster", "role")


class Grants(Plain):
    """Who has which role where."""

    kind = "grant"
    queryset = Grant.objects.select_related("user").order_by("user__username", "subcluster")
    serializer_class = GrantSerializer
    filterset_class = GrantFilters
    search_fields = ("user__username",)
    ordering_fields: ClassVar[dict[str, str]] = {
        "user": "user__username",
        "subcluster": "subcluster",
        "role": "role",
    }
    lookup_field, lookup_value_regex = "id", NUMBER
    read_role, write_role = "admin", "admin"
    write_scope = "accounts"
