"""What /metrics says of the configuration: what each node has, what it runs, how it took that."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Max, OuterRef, Subquery
from prometheus_client.core import GaugeMetricFamily, Metric

from cluster_admin.configs import conflict_metrics
from cluster_admin.configs.models import Application, Replica, Revision
from cluster_admin.inventory.models import Node

LABELS = ("subcluster", "node")


def families(now: datetime) -> Iterator[Metric]:
    """All of it, of nodes that are defined; four queries."""
    newest = GaugeMetricFamily("muster_config_revision", "Newest revision of the configuration.")
    newest.add_metric([], Revision.objects.aggregate(newest=Max("number"))["newest"] or 0)
    yield newest
    has = _gauge("muster_config_replica_revision", "Newest revision of the node's replica.")
    runs = _gauge("muster_config_live_revision", "Revision that is live on the node; 0: none.")
    drift = _gauge("muster_config_drift_files", "Files that were edited on the node.")
    refused = _gauge("muster_config_refused_tasks", "Tasks for the node that no manager signed.")
    age = _gauge("muster_config_heard_age_seconds", "Since the node told how it stands.")
    outcome = GaugeMetricFamily(
        "muster_config_outcome",
        "1; what came of the node's newest application.",
        labels=[*LABELS, "outcome"],
    )
    last = Application.objects.filter(node=OuterRef("node")).order_by("-id").values("outcome")[:1]
    rows = Replica.objects.filter(node__in=Node.objects.values("name"))
    rows = rows.annotate(outcome=Subquery(last)).order_by("node")
    for row in rows.defer("drift"):
        where = [row.subcluster, row.node]
        has.add_metric(where, row.number)
        runs.add_metric(where, row.live)
        drift.add_metric(where, row.drift_count)
        refused.add_metric(where, row.refused)
        if row.heard_at is not None:
            age.add_metric(where, max(0.0, (now - row.heard_at).total_seconds()))
        if row.outcome:
            outcome.add_metric([*where, row.outcome], 1)
    yield from (has, runs, drift, refused, age, outcome)
    yield from conflict_metrics.families()


def _gauge(name: str, text: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, labels=LABELS)
