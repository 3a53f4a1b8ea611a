"""The shapes of log sources and subscribers in the API: what may be sent, what is answered."""

from typing import ClassVar

from rest_framework import serializers

from cluster_admin.inventory.api_serializers import DefiningSerializer
from cluster_admin.inventory.fields import NAME_LENGTH
from cluster_admin.rest.fields import Strict, Text, Texts, Whole
from workers.logs.core.definitions import (
    BACKLOG_BYTES,
    LEAST_BACKLOG_BYTES,
    MOST_BACKLOG_BYTES,
    PATH_CHARACTERS,
)


class LogSourceSerializer(DefiningSerializer):
    """A log that nodes ship."""

    id = serializers.IntegerField(read_only=True)
    name = Text(max_length=NAME_LENGTH)
    path = Text(max_length=PATH_CHARACTERS, help_text="Absolute; `*`, `?` and `[...]` are a glob.")
    nodes = Texts(default=list, help_text="Those that ship it; none: all of the subcluster.")
    fixed: ClassVar[tuple[str, ...]] = ("name", "subcluster")


class LogSubscriberSerializer(DefiningSerializer):
    """A collector that takes a subcluster's logs."""

    id = serializers.IntegerField(read_only=True)
    name = Text(max_length=NAME_LENGTH, help_text="As in its `collector.toml`.")
    backlog_bytes = Whole(
        min_value=LEAST_BACKLOG_BYTES,
        max_value=MOST_BACKLOG_BYTES,
        default=BACKLOG_BYTES,
        help_text="Kept for it on a node while it is away; beyond that the oldest is dropped.",
    )
    fixed: ClassVar[tuple[str, ...]] = ("name", "subcluster")


class DecommissionBody(Strict):
    """Which subscriber is never to come back."""

    name = Text(max_length=NAME_LENGTH)


class DecommissionSerializer(serializers.Serializer):
    """What taking a subscriber away came to."""

    name = serializers.CharField()
    subclusters = serializers.ListField(
        child=serializers.CharField(), help_text="Whose nodes no longer ship to it."
    )
    queue = serializers.CharField(help_text="Deleted at the broker; empty: there was none.")
    messages = serializers.IntegerField(help_text="Pieces of logs that waited there.")
    diff = serializers.CharField(help_text="Unified diff, running -> proposed.")
