"""What /metrics says of shipping: how far each node is behind for each subscriber."""

from collections.abc import Iterator
from datetime import datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from cluster_admin.inventory.models import Node
from cluster_admin.logs.shipping_models import Shipping

LABELS = ("subcluster", "node", "subscriber")
GAUGES = {
    "muster_logs_connected": ("connected", "1: a broker takes the node's logs."),
    "muster_logs_on_disk_bytes": ("on_disk_bytes", "What the shipped files take on the node."),
    "muster_logs_backlog_bytes": ("backlog_bytes", "What the subscriber has not got yet."),
    "muster_logs_backlog_seconds": ("backlog_seconds", "The age of the oldest line of that."),
    "muster_logs_in_flight_bytes": ("in_flight_bytes", "Of the backlog, what is on its way."),
}
COUNTERS = {
    "muster_logs_dropped_bytes_total": (
        "dropped_bytes",
        "Logs that the node gave up, since the backlog was full.",
    ),
    "muster_logs_lost_bytes_total": (
        "lost_bytes",
        "Logs that were gone before they could be read, at least.",
    ),
    "muster_logs_duplicates_total": (
        "duplicates",
        "Files sent anew, since nobody could tell whether they had been.",
    ),
}


def families(now: datetime) -> Iterator[Metric]:
    """All of it, of nodes that are defined; one query."""
    rows = list(Shipping.objects.filter(node__in=Node.objects.values("name")).defer("files"))
    for name, (field, text) in (GAUGES | COUNTERS).items():
        kind: type[CounterMetricFamily] | type[GaugeMetricFamily] = (
            CounterMetricFamily if name in COUNTERS else GaugeMetricFamily
        )
        family = kind(name, text, labels=LABELS)
        for row in rows:
            family.add_metric(_labels(row), float(getattr(row, field)))
        yield family
    wrong = GaugeMetricFamily("muster_logs_alarm", "1: its backlog is alarming.", labels=LABELS)
    age = GaugeMetricFamily(
        "muster_logs_heard_age_seconds", "Since the node told how its logs are.", labels=LABELS
    )
    for row in rows:
        wrong.add_metric(_labels(row), int(bool(row.alarm)))
        age.add_metric(_labels(row), max(0.0, (now - row.heard_at).total_seconds()))
    yield from (wrong, age)


def _labels(row: Shipping) -> list[str]:
    return [row.subcluster, row.node, row.subscriber]
