"""The shapes of joining in the API; nothing that was sent is ever repeated in a refusal."""

import re

from rest_framework import serializers

from cluster_admin.joining.tokens import LONGEST_LIFE, TOKEN_MAX, USUAL_LIFE
from cluster_admin.rest.fields import Strict, Text, Whole

ATTEMPT = re.compile(r"[0-9a-f]{32}")


def check_attempt(text: str) -> None:
    """Refuse what is no attempt."""
    if not ATTEMPT.fullmatch(text):
        raise serializers.ValidationError("write 128 random bits as 32 hexadecimal digits")


class JoinBody(Strict):
    """What a joining host shows."""

    token = Text(max_length=TOKEN_MAX, write_only=True, help_text="What was printed.")
    attempt = Text(
        max_length=32,
        validators=[check_attempt],
        write_only=True,
        help_text="128 random bits that the host keeps: with the same, the answer can be had "
        "again while the token lives.",
    )


class JoinAnswer(serializers.Serializer):
    """What makes the host a node; a secret as a whole."""

    cluster = serializers.CharField()
    subcluster = serializers.CharField()
    node = serializers.CharField()
    cluster_key = serializers.CharField(help_text="The file of cluster keys.")
    brokers = serializers.ListField(
        child=serializers.CharField(), help_text="Addresses with the node's own account."
    )
    definitions = serializers.CharField(help_text="The newest definitions file.")
    node_toml = serializers.CharField(help_text="What the node's processes read.")
    manager = serializers.CharField(help_text="Where the manager is found.")


class JoinTokenBody(Strict):
    """What a new token may be told."""

    expires_in_seconds = Whole(
        required=False,
        min_value=1,
        max_value=int(LONGEST_LIFE.total_seconds()),
        help_text=f"{int(USUAL_LIFE.total_seconds())} unless said.",
    )


class JoinTokenMade(serializers.Serializer):
    """A new token."""

    node = serializers.CharField()
    subcluster = serializers.CharField()
    token = serializers.CharField(help_text="The secret: shown this once.")
    expires_at = serializers.DateTimeField()
    command = serializers.CharField(help_text="What to run on the host that becomes the node.")
    warning = serializers.CharField(help_text="Why that would not lead there; empty: it does.")
