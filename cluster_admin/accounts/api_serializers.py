"""The shapes of accounts in the API: what may be sent, what is answered."""

import re
from typing import Any, ClassVar

from rest_framework import serializers

from cluster_admin.accounts.models import User
from cluster_admin.accounts.roles import Role, Scope
from cluster_admin.accounts.throttle import NAME_LENGTH, PASSWORD_LENGTH
from cluster_admin.accounts.tokens import LONGEST_LIFE, USUAL_LIFE
from cluster_admin.rest.fields import Choice, Flag, Named, Strict, Text, Whole
from cluster_admin.rest.problems import cut

LONGEST_SECONDS = int(LONGEST_LIFE.total_seconds())
SUBCLUSTER = re.compile(r"[a-z][a-z0-9_-]{0,62}")


def check_subcluster(text: str) -> None:
    """Refuse what no subcluster is called."""
    if not SUBCLUSTER.fullmatch(text):
        raise serializers.ValidationError(f"{cut(text, 63)!r} is no name of a subcluster")


class Scopes(serializers.ListField):
    """Scopes, each once."""

    child = Choice(choices=Scope.choices)

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_empty=False, max_length=len(Scope), **options)


class TokenBody(Strict):
    """What a new token may be told."""

    read_only = Flag(  # type: ignore[assignment]
        default=False, help_text="Reads only, whatever the scopes."
    )
    scopes = Scopes(required=False, help_text="What it may be used for; all unless said.")
    expires_in_seconds = Whole(
        required=False,
        write_only=True,
        min_value=1,
        max_value=LONGEST_SECONDS,
        help_text=f"{int(USUAL_LIFE.total_seconds())} unless said.",
    )


class LoginBody(TokenBody):
    """Name and password, and what the token should be."""

    username = Text(max_length=NAME_LENGTH)
    password = Text(max_length=PASSWORD_LENGTH, write_only=True)
    name = Text(max_length=100, default="login")


class LoginAnswer(serializers.Serializer):
    """A new token."""

    token = serializers.CharField(help_text="The secret: shown this once.")
    name = serializers.CharField()
    expires_at = serializers.DateTimeField()
    user = serializers.CharField()


class GrantTold(serializers.Serializer):
    """A role somewhere."""

    role = serializers.ChoiceField(choices=Role.choices)
    subcluster = serializers.CharField(help_text="Empty: every subcluster.")


class TokenTold(serializers.Serializer):
    """The token that is used."""

    name = serializers.CharField()
    read_only = serializers.BooleanField()  # type: ignore[assignment]
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=Scope.choices))
    expires_at = serializers.DateTimeField()


class Whoami(serializers.Serializer):
    """Who asks."""

    user = serializers.CharField()
    superuser = serializers.BooleanField()
    roles = GrantTold(many=True)
    token = TokenTold(allow_null=True)


class TokenSerializer(TokenBody):
    """A token without its secret."""

    id = serializers.IntegerField(read_only=True)
    name = Text(max_length=100)
    user = serializers.CharField(source="user.username", read_only=True)
    prefix = serializers.CharField(read_only=True)
    expires_at = serializers.DateTimeField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)
    last_used_at = serializers.DateTimeField(read_only=True, allow_null=True)
    revoked_at = serializers.DateTimeField(read_only=True, allow_null=True)


class TokenMade(TokenSerializer):
    """A new token, with its secret."""

    token = serializers.CharField(read_only=True, help_text="The secret: shown this once.")


class UserSerializer(Strict):
    """Somebody who logs in; the password is only written."""

    id = serializers.IntegerField(read_only=True)
    username = Text(max_length=NAME_LENGTH)
    email = Text(max_length=254, allow_blank=True, default="")
    password = Text(max_length=PASSWORD_LENGTH, write_only=True, required=False)
    is_active = Flag(default=True)
    is_staff = Flag(default=False, help_text="May use the admin.")
    is_superuser = Flag(default=False, help_text="May do everything.")
    last_login = serializers.DateTimeField(read_only=True, allow_null=True)
    date_joined = serializers.DateTimeField(read_only=True)
    fixed: ClassVar[tuple[str, ...]] = ("username",)


class GrantSerializer(Strict):
    """A role of a user in one subcluster, or in every one."""

    id = serializers.IntegerField(read_only=True)
    user = Named(slug_field="username", queryset=User.objects.all())
    role = Choice(choices=Role.choices)
    subcluster = Text(
        max_length=63,
        validators=[check_subcluster],
        default="",
        allow_blank=True,
        help_text="Empty: every subcluster.",
    )
    fixed: ClassVar[tuple[str, ...]] = ("user", "subcluster")
