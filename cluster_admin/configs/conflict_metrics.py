"""What /metrics says of histories that differ, and of messages that were not taken."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from cluster_admin.configs.conflict_models import Conflict, RefusedMessages
from cluster_admin.configs.conflict_rules import State


def families() -> Iterator[Metric]:
    """All of it; two queries."""
    astray = GaugeMetricFamily(
        "muster_config_conflict",
        "1 for a node with revisions that the manager lacks; an open one has commits refused.",
        labels=("subcluster", "node", "state"),
    )
    rows = list(Conflict.objects.all())
    for row in rows:
        astray.add_metric([row.subcluster, row.node, row.state], 1)
    # Always there: an alert can tell no conflict from no manager.
    waiting = GaugeMetricFamily(
        "muster_config_commits_refused", "1 while a conflict of histories has commits refused."
    )
    waiting.add_metric([], any(row.state == State.OPEN for row in rows))
    refused = CounterMetricFamily(
        "muster_config_refused_messages_total",
        "Messages about configuration that were not taken: badly signed, or in another's name.",
        labels=("node",),
    )
    for sender, count in RefusedMessages.objects.values_list("sender", "count"):
        refused.add_metric([sender or "none"], count)
    yield from (astray, waiting, refused)
