"""What /metrics says of shipping: how far each node is behind for each subscriber."""

from collections.abc import Iterator
from datetime import datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from cluster_admin.inventory.models import Node
from cluster_admin.logs.shipping_models import Shipping

LABELS = ("subcluster", "node", "subscriber")
GAUGES = {
    "connected": "1: a broker takes the node's logs.",
    "on_disk_bytes": "What the files that are shipped take on the node.",
    "backlog_bytes": "What the subscriber has not got yet.",
    "backlog_seconds": "The age of the oldest line that the subscriber has not got yet.",
    "in_flight_bytes": "Of the backlog, what is on its way.",
}
COUNTERS = {
    "dropped_bytes": "Logs that the node gave up, since the backlog was full.",
    "lost_bytes": "Logs that were gone before they could be read, at least.",
    "duplicates": "Files sent anew, since nobody could tell whether they had been.",
}


def families(now: datetime) -> Iterator[Metric]:
    """All of it, of nodes that are defined; one query."""
    rows = list(Shipping.objects.filter(node__in=Node.objects.values("name")).defer("files"))
    for field, text in GAUGES.items():
        gauge = GaugeMetricFamily(f"muster_logs_{field}", text, labels=LABELS)
        for row in rows:
            gauge.add_metric(_labels(row), float(getattr(row, field)))
        yield gauge
    for field, text in COUNTERS.items():
        counter = CounterMetricFamily(f"muster_logs_{field}", text, labels=LABELS)
        for row in rows:
            counter.add_metric(_labels(row), float(getattr(row, field)))
        yield counter
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
