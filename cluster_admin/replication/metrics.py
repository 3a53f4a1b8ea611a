"""What /metrics says of limits and shared tables: asked of the listener at each scrape.

Keys are no labels: there may be millions. Without a listener there is one metric that says so.
"""

from collections.abc import Iterator
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from cluster_admin.replication import source
from cluster_admin.replication.source import SourceError

SCRAPE_SECONDS = 2.0
OF_NODE = ("subcluster", "node")
GAUGES = {
    "muster_counts_cut_off": ("cut_off", "1: the node hears nothing of its peers."),
    "muster_counts_heard_age_seconds": ("age_seconds", "Since the node told how its counts are."),
}
COUNTERS = {
    "muster_counts_requests_total": ("requests", "Requests of mail servers for a decision."),
    "muster_counts_refused_total": ("refused", "Requests that a limit refused."),
    "muster_counts_faults_total": ("faults", "Requests and messages that were none."),
    "muster_counts_published_bytes_total": ("published_bytes", "What the node told its peers."),
    "muster_counts_heard_bytes_total": ("heard_bytes", "What its peers told it."),
    "muster_counts_healed_total": ("healed", "Holes that were asked about."),
    "muster_counts_unkept_total": ("unkept", "Counts that the disk had no room for."),
}


def families() -> Iterator[Metric]:
    """All of it, or that the listener does not answer."""
    up = GaugeMetricFamily("muster_counts_known", "1: the listener tells what nodes count.")
    try:
        nodes = _rows("nodes", {})
        tables = _rows("tables", {})
        limits = _rows("limits", {"near": 1})
    except SourceError:
        up.add_metric([], 0)
        yield up
        return
    up.add_metric([], 1)
    yield up
    yield from _of_nodes(nodes)
    yield from _of_tables(tables)
    yield from _of_limits(limits, nodes)


def _rows(what: str, asked: dict[str, Any]) -> list[dict[str, Any]]:
    return list(source.ask(what, None, asked, SCRAPE_SECONDS)["rows"])


def _of_nodes(rows: list[dict[str, Any]]) -> Iterator[Metric]:
    for name, (field, text) in (GAUGES | COUNTERS).items():
        kind: type[CounterMetricFamily] | type[GaugeMetricFamily] = (
            CounterMetricFamily if name in COUNTERS else GaugeMetricFamily
        )
        family = kind(name, text, labels=OF_NODE)
        for row in rows:
            family.add_metric([row["subcluster"], row["node"]], float(row[field]))
        yield family


def _of_tables(rows: list[dict[str, Any]]) -> Iterator[Metric]:
    labels = ("subcluster", "table", "type")
    keys = GaugeMetricFamily("muster_shared_keys", "Keys of a shared table.", labels=labels)
    total = GaugeMetricFamily("muster_shared_total", "The sum of its keys.", labels=labels)
    for row in rows:
        where = [row["subcluster"], row["name"], row["type"]]
        for family, value in ((keys, row["keys"]), (total, row["total"])):
            if value is not None:
                family.add_metric(where, value)
    yield from (keys, total)


def _of_limits(rows: list[dict[str, Any]], nodes: list[dict[str, Any]]) -> Iterator[Metric]:
    labels = ("subcluster", "limit")
    most = GaugeMetricFamily("muster_limit_most", "What a limit allows.", labels=labels)
    value = GaugeMetricFamily(
        "muster_limit_value", "Where it is nearest to being reached.", labels=labels
    )
    share = GaugeMetricFamily("muster_limit_share", "That, of what is allowed.", labels=labels)
    for row in rows:
        where = [row["subcluster"], row["limit"]]
        most.add_metric(where, row["most"])
        value.add_metric(where, row["value"])
        share.add_metric(where, row["share"])
    yield from (most, value, share)
    refused = CounterMetricFamily(
        "muster_limit_refused_total",
        "How often it refused, or would have.",
        labels=("subcluster", "node", "limit"),
    )
    for node in nodes:
        for limit, count in node["by_limit"].items():
            refused.add_metric([node["subcluster"], node["node"], limit], count)
    yield refused
