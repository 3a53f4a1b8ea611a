"""The shapes of live tables, limits and refusals in the API."""

from rest_framework import serializers


class LiveTable(serializers.Serializer):
    """A table, and how much is in it."""

    subcluster = serializers.CharField()
    name = serializers.CharField()
    type = serializers.CharField()
    kind = serializers.CharField(help_text="gauge, window or cache.")
    scope = serializers.CharField()
    is_address = serializers.BooleanField(help_text="Whether it can be shown as a tree.")
    defined = serializers.BooleanField(help_text="False: the usual one of its type.")
    keys = serializers.IntegerField(allow_null=True, help_text="Null: not looked at yet.")
    total = serializers.IntegerField(allow_null=True, help_text="The sum of all keys.")
    evicted = serializers.IntegerField(help_text="Keys that went since there were too many.")


class LiveTables(serializers.Serializer):
    """All of them."""

    rows = LiveTable(many=True)


class LiveRow(serializers.Serializer):
    """A key."""

    key = serializers.CharField()
    value = serializers.JSONField(help_text="A number; a text in a cache.")
    node = serializers.CharField(required=False, help_text="Who set it; in a cache only.")


class LiveBranch(serializers.Serializer):
    """A prefix at which addresses part, or an address."""

    depth = serializers.IntegerField()
    prefix = serializers.CharField()
    value = serializers.IntegerField(help_text="Of itself.")
    total = serializers.IntegerField(help_text="With everything in it.")
    is_leaf = serializers.BooleanField()


class LiveRows(serializers.Serializer):
    """What is in a table."""

    subcluster = serializers.CharField()
    name = serializers.CharField()
    type = serializers.CharField()
    kind = serializers.CharField()
    scope = serializers.CharField()
    is_address = serializers.BooleanField()
    node = serializers.CharField(help_text="Whose counts alone; empty: the sum of all nodes.")
    spans = serializers.ListField(
        child=serializers.FloatField(), help_text="Windows that are counted over it, in seconds."
    )
    keys = serializers.IntegerField()
    total = serializers.IntegerField(allow_null=True)
    rows = LiveRow(many=True, help_text="The greatest first.")
    tree = LiveBranch(many=True, help_text="Each prefix before what is in it.")
    more = serializers.IntegerField(help_text="Keys that are left out.")


class ChartAnswer(serializers.Serializer):
    """A sum over time."""

    points = serializers.ListField(
        child=serializers.ListField(
            child=serializers.ListField(child=serializers.FloatField()),
            help_text="Pairs of seconds since 1970 and the sum then, the earliest first.",
        ),
        help_text="Of a table one list; of refusals one for each subcluster.",
    )


class OfLimit(serializers.Serializer):
    """A limit as it is acted on."""

    subcluster = serializers.CharField()
    limit = serializers.CharField()
    subject = serializers.CharField()
    per = serializers.CharField()
    most = serializers.IntegerField()
    window = serializers.FloatField()
    rate = serializers.CharField(help_text="As commands write it: 1000/60s.")
    action = serializers.CharField()
    test = serializers.BooleanField()
    enabled = serializers.BooleanField()
    key = serializers.CharField()
    value = serializers.IntegerField(help_text="Of all nodes, now.")
    share = serializers.FloatField(help_text="Of `most`; 1: it is reached.")


class Near(serializers.Serializer):
    """A key, and how near it is to the limit."""

    key = serializers.CharField()
    value = serializers.IntegerField()
    most = serializers.IntegerField(help_text="Its own, where it is exempted.")
    share = serializers.FloatField()


class Usage(OfLimit):
    """A limit, where it is nearest to being reached."""

    refused = serializers.IntegerField(help_text="On all nodes, since each of them started.")
    near = Near(many=True)


class UsageAnswer(serializers.Serializer):
    """All limits."""

    rows = Usage(many=True)


class RefusalAnswer(serializers.Serializer):
    """A limit that was reached."""

    subcluster = serializers.CharField()
    node = serializers.CharField()
    number = serializers.IntegerField(help_text="Of this node, since it started.")
    at = serializers.FloatField(help_text="Seconds since 1970, by the node's clock.")
    limit = serializers.CharField()
    key = serializers.CharField()
    value = serializers.IntegerField(help_text="What was counted, before the request.")
    most = serializers.IntegerField()
    action = serializers.CharField()
    test = serializers.BooleanField(help_text="It was only said, nobody was refused.")


class RefusalsAnswer(serializers.Serializer):
    """The newest first."""

    rows = RefusalAnswer(many=True)
    more = serializers.IntegerField(help_text="Others that are known.")


class ExplainedLimit(OfLimit):
    """A limit that applies to a key."""

    remaining = serializers.IntegerField()
    stage = serializers.CharField(help_text="When Postfix asks for it; empty: no Postfix does.")
    nodes = serializers.DictField(
        child=serializers.IntegerField(), help_text="Node: what it counted of it."
    )


class ExplainAnswer(serializers.Serializer):
    """What limits do to a key."""

    key = serializers.CharField()
    rows = ExplainedLimit(many=True)
    refusals = RefusalAnswer(many=True, help_text="The newest refusals of exactly this key.")


class NodeCounts(serializers.Serializer):
    """How a node's replication is, as it told last."""

    subcluster = serializers.CharField()
    node = serializers.CharField()
    age_seconds = serializers.FloatField(help_text="Since it told.")
    broker = serializers.CharField(help_text="Host and port; empty: none.")
    cut_off = serializers.BooleanField(help_text="It goes on as `limiting` says.")
    requests = serializers.IntegerField(help_text="Of mail servers, since it started.")
    refused = serializers.IntegerField()
    faults = serializers.IntegerField(help_text="Requests and messages that were none.")
    published_bytes = serializers.IntegerField()
    heard_bytes = serializers.IntegerField()
    healed = serializers.IntegerField(help_text="Holes that were asked about.")
    unkept = serializers.IntegerField(help_text="Counts that the disk had no room for.")
    problems = serializers.ListField(child=serializers.CharField())
    up_seconds = serializers.FloatField()
    by_limit = serializers.DictField(child=serializers.IntegerField())
    peers = serializers.ListField(child=serializers.CharField(), help_text="Those it deems alive.")


class NodesAnswer(serializers.Serializer):
    """All nodes that told."""

    rows = NodeCounts(many=True)
    silent = serializers.ListField(
        child=serializers.CharField(), help_text="Nodes that told nothing yet."
    )
