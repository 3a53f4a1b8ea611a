"""The shapes of tables, limits and exemptions in the API: what may be sent, what is answered."""

from typing import ClassVar

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from cluster_admin.inventory.api_serializers import DefiningSerializer
from cluster_admin.inventory.fields import NAME_LENGTH
from cluster_admin.rest.fields import Choice, Flag, Number, Strict, Text, TextMap, Whole
from workers.replication.core.definitions import (
    DELAY_SECONDS,
    KEY_CHARACTERS,
    MOST_MAX,
    PENDING_COUNT,
    SIZE_KEYS,
    STAGES,
    TEXT_CHARACTERS,
    WINDOW_SECONDS,
    Action,
    CutOff,
    Per,
    Scope,
    Subject,
    TableType,
)


def _words(words: type[Action | CutOff | Per | Scope | Subject | TableType]) -> list[str]:
    return [one.value for one in words]


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Open connections of clients by address, told within half a second",
            {
                "subcluster": "default",
                "name": "inbound",
                "type": "connections-inbound",
                "max_delay": 0.5,
                "max_pending": 50,
            },
            request_only=True,
        )
    ]
)
class TableSerializer(DefiningSerializer):
    """A table that nodes share."""

    id = serializers.IntegerField(read_only=True)
    name = Text(max_length=NAME_LENGTH)
    type = Choice(choices=_words(TableType))
    parameters = TextMap(
        default=dict,
        help_text="`window`: the span in seconds that is shown; `ttl` of a cache: seconds a value "
        "lives.",
    )
    max_delay = Number(
        min_value=DELAY_SECONDS[0],
        max_value=DELAY_SECONDS[1],
        default=1.0,
        help_text="Seconds after which peers are told of a change.",
    )
    max_pending = Whole(
        min_value=PENDING_COUNT[0],
        max_value=PENDING_COUNT[1],
        default=100,
        help_text="Changes after which they are told within a tenth of it.",
    )
    max_size = Whole(
        min_value=SIZE_KEYS[0],
        max_value=SIZE_KEYS[1],
        default=1_000_000,
        help_text="Keys; beyond it the least recently used go, counted.",
    )
    binding_group = Text(max_length=TEXT_CHARACTERS, allow_blank=True, default="")
    table_class = Text(
        max_length=TEXT_CHARACTERS,
        allow_blank=True,
        default="",
        help_text="A label for people and MTAs: `class` in the file.",
    )
    snapshot = Flag(default=True, help_text="Whether a node that joins gets it whole.")
    scope = Choice(
        choices=_words(Scope), default=Scope.SUBCLUSTER.value, help_text="Who shares it."
    )
    fixed: ClassVar[tuple[str, ...]] = ("name", "subcluster")


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "At most 1,000 recipients a minute from each /24 or /48",
            {
                "subcluster": "default",
                "name": "per-network",
                "subject": "inbound-recipients",
                "per": "network",
                "most": 1000,
                "window": 60,
                "prefix_v4": 24,
                "prefix_v6": 48,
            },
            request_only=True,
        ),
        OpenApiExample(
            "At most 20 connections at a time to each domain, from one binding",
            {
                "subcluster": "default",
                "name": "bulk-domains",
                "subject": "outbound-connections",
                "per": "domain",
                "most": 20,
                "binding": "bulk-1",
            },
            request_only=True,
        ),
    ]
)
class LimitSerializer(DefiningSerializer):
    """At most so many, for each of those that are told apart."""

    id = serializers.IntegerField(read_only=True)
    name = Text(max_length=NAME_LENGTH)
    subject = Choice(choices=_words(Subject), help_text="What is counted.")
    per = Choice(choices=_words(Per), help_text="For whom it is counted apart.")
    most = Whole(min_value=0, max_value=MOST_MAX)
    window = Number(
        min_value=0,
        max_value=WINDOW_SECONDS[1],
        default=0,
        help_text="Seconds; 0: so many at a time, for what is open now.",
    )
    prefix_v4 = Whole(min_value=0, max_value=32, default=32, help_text="Of `per: network`.")
    prefix_v6 = Whole(min_value=0, max_value=128, default=64, help_text="The same for IPv6.")
    match = Text(
        max_length=KEY_CHARACTERS,
        allow_blank=True,
        default="",
        help_text="Only these keys: one, a network, or `.example.com` for all below.",
    )
    binding = Text(max_length=KEY_CHARACTERS, allow_blank=True, default="")
    host = Text(max_length=KEY_CHARACTERS, allow_blank=True, default="")
    domain = Text(max_length=KEY_CHARACTERS, allow_blank=True, default="")
    stage = Choice(
        choices=["", *sorted(STAGES)],
        default="",
        help_text="When Postfix asks (its protocol_state). Empty: at the usual time.",
    )
    action = Choice(choices=_words(Action), default=Action.DEFER.value)
    message = Text(max_length=TEXT_CHARACTERS, allow_blank=True, default="")
    test = Flag(default=False, help_text="Only say what it would refuse.")
    throttle = Text(
        max_length=NAME_LENGTH,
        allow_blank=True,
        default="",
        help_text="Of subject `named`: the name that is asked for.",
    )
    enabled = Flag(default=True)
    fixed: ClassVar[tuple[str, ...]] = ("name", "subcluster")


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "No limit for the office",
            {"subcluster": "default", "name": "office", "key": "192.0.2.0/24"},
            request_only=True,
        )
    ]
)
class ExemptionSerializer(DefiningSerializer):
    """Another limit for somebody, or none."""

    id = serializers.IntegerField(read_only=True)
    name = Text(max_length=NAME_LENGTH)
    limit = Text(
        max_length=NAME_LENGTH, allow_blank=True, default="", help_text="Empty: every limit."
    )
    key = Text(max_length=KEY_CHARACTERS, help_text="An address, a network, a domain or a user.")
    most = Whole(
        min_value=0,
        max_value=MOST_MAX,
        allow_null=True,
        default=None,
        help_text="Instead of the limit's. Null: no limit.",
    )
    fixed: ClassVar[tuple[str, ...]] = ("name", "subcluster")


class LimitingSerializer(Strict):
    """What holds for all limits of a subcluster."""

    cut_off = Choice(
        choices=_words(CutOff),
        help_text="What a node that hears nothing from its peers grants: its share of each limit, "
        "all of it, or nothing.",
    )
    test = Flag(help_text="All limits only say what they would refuse.")
