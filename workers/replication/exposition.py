"""What a node's limits did, in the format that Prometheus reads.

Keys of clients are in no label: there may be millions. Names of limits are, and vanish with them.
"""

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from workers.replication.core.limits import Limits

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class _Numbers(Collector):
    def __init__(self, limits: Limits, reported: int, others: Mapping[str, float]) -> None:
        self._limits, self._reported, self._others = limits, reported, others

    def collect(self) -> Iterator[Metric]:
        """Tell each number as of now."""
        limits = self._limits
        yield CounterMetricFamily(
            "muster_policy_requests", "Requests of the policy protocol.", value=limits.requests
        )
        faults = CounterMetricFamily(
            "muster_policy_faults", "Requests that are none, by what is wrong.", labels=["kind"]
        )
        for kind, count in limits.faults.counts().items():
            faults.add_metric([kind], count)
        yield faults
        refusals = CounterMetricFamily(
            "muster_limit_refusals", "Refused, or in test mode not.", labels=["limit", "test"]
        )
        known = {one.name for one in limits.replication.limits}
        for (limit, test), count in limits.refusals.counts.items():
            if limit in known:
                refusals.add_metric([limit, str(test).lower()], count)
        yield refusals
        leases = limits.leases
        yield GaugeMetricFamily("muster_leases", "Connections that are held.", value=len(leases))
        yield CounterMetricFamily(
            "muster_leases_ended", "Leases that nobody renewed.", value=leases.ended
        )
        yield CounterMetricFamily(
            "muster_reported_events", "Events that were reported.", value=self._reported
        )
        for name, value in self._others.items():
            yield GaugeMetricFamily(name, name.replace("_", " "), value=value)


def exposition(limits: Limits, reported: int, others: Mapping[str, float]) -> bytes:
    """Return the page; `others`: further numbers by their names."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Numbers(limits, reported, others))
    return generate_latest(registry)
