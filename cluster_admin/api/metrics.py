"""/metrics for Prometheus, made from the database at each scrape; counts from the listener.

Nothing is kept between scrapes: labels of a node or VIP vanish with its row, and several web
processes say the same. The number of queries does not depend on the number of rows.
"""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db.models import Max
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector
from rest_framework.request import Request

from cluster_admin.accounts.api_permissions import ByRole
from cluster_admin.configs import api_metrics
from cluster_admin.events.freshness import freshness
from cluster_admin.events.models import Event
from cluster_admin.inventory.models import Node, NodeStatus, Subcluster
from cluster_admin.logs import shipping_metrics
from cluster_admin.replication import metrics as replication_metrics
from cluster_admin.rest.bodies import TextRenderer
from cluster_admin.rest.views import View
from cluster_admin.vips.models import Vip, VipStatus

VERDICTS = tuple(NodeStatus.Verdict.values)
STATES = tuple(VipStatus.State.values)
CAUSES = tuple(one for one in VipStatus.Cause.values if one)


class Rows(Collector):
    """The metrics of what the database has now."""

    def collect(self) -> Iterator[Metric]:
        """All families; as many queries however many rows."""
        yield from _subclusters()
        yield from _nodes()
        yield from _vips()
        yield from _events()
        yield from _listener()
        yield from api_metrics.families(timezone.now())
        yield from shipping_metrics.families(timezone.now())
        yield from replication_metrics.families()


def _subclusters() -> Iterator[Metric]:
    revision = GaugeMetricFamily(
        "muster_revision", "Newest revision of a subcluster's definitions.", labels=["subcluster"]
    )
    for name, number in Subcluster.objects.values_list("name", "revision"):
        revision.add_metric([name], number)
    yield revision


def _nodes() -> Iterator[Metric]:
    labels = ["subcluster", "node"]
    info = GaugeMetricFamily(
        "muster_node_info",
        "1; how a node is: verdict of the others, its own state, what the operator wants.",
        labels=[*labels, "verdict", "state", "admin_state"],
    )
    up = GaugeMetricFamily("muster_node_alive", "1: the node is judged alive.", labels=labels)
    acting = GaugeMetricFamily(
        "muster_node_revision", "Revision of the definitions a node acts on.", labels=labels
    )
    age = GaugeMetricFamily(
        "muster_node_heard_age_seconds", "Since the node's last report.", labels=labels
    )
    late = GaugeMetricFamily("muster_node_late", "1: its loop is chronically late.", labels=labels)
    problem = GaugeMetricFamily(
        "muster_node_problem", "1: it cannot act on its newest definitions.", labels=labels
    )
    now = timezone.now()
    rows = Node.objects.values_list(
        *("subcluster__name", "name", "status__verdict", "status__state", "admin_state"),
        *("status__revision", "status__heard_at", "status__late", "status__problem"),
    )
    for subcluster, name, verdict, state, wanted, revision, heard, is_late, trouble in rows:
        where = [subcluster, name]
        info.add_metric([*where, verdict or "unknown", state or "", wanted], 1)
        up.add_metric(where, int(verdict == NodeStatus.Verdict.ALIVE))
        acting.add_metric(where, revision or 0)
        late.add_metric(where, int(bool(is_late)))
        problem.add_metric(where, int(bool(trouble)))
        if heard is not None:
            age.add_metric(where, max(0.0, (now - heard).total_seconds()))
    yield from (info, up, acting, age, late, problem)


def _vips() -> Iterator[Metric]:
    owner = GaugeMetricFamily(
        "muster_vip_owner_info",
        "1; who owns a VIP, and its state.",
        labels=["subcluster", "vip", "owner", "state"],
    )
    counts = GaugeMetricFamily(
        "muster_vips", "VIPs of a subcluster by state.", labels=["subcluster", "state"]
    )
    causes = GaugeMetricFamily(
        "muster_vips_by_cause",
        "VIPs of a subcluster by what lies behind their state.",
        labels=["subcluster", "cause"],
    )
    found: dict[str, dict[str, int]] = {}
    because: dict[str, dict[str, int]] = {}
    rows = Vip.objects.values_list(
        *("subcluster__name", "address", "status__owner", "status__state", "status__cause")
    ).order_by("address_key")
    for subcluster, address, name, told, cause in rows:
        state = told or "unknown"
        owner.add_metric([subcluster, address, name or "", state], 1)
        of_state = found.setdefault(subcluster, dict.fromkeys(STATES, 0))
        of_state[state] = of_state.get(state, 0) + 1
        of_cause = because.setdefault(subcluster, dict.fromkeys(CAUSES, 0))
        if cause:
            of_cause[cause] = of_cause.get(cause, 0) + 1
    for family, numbers in ((counts, found), (causes, because)):
        for subcluster, words in numbers.items():
            for word, number in words.items():
                family.add_metric([subcluster, word], number)
    yield from (owner, counts, causes)


def _events() -> Iterator[Metric]:
    newest = Event.objects.aggregate(newest=Max("id"))["newest"] or 0
    total = CounterMetricFamily(
        "muster_events", "Events that the manager has learned of (numbers given to them)."
    )
    total.add_metric([], newest)
    yield total


def _listener() -> Iterator[Metric]:
    fresh = freshness()
    stale = GaugeMetricFamily(
        "muster_listener_stale", "1: no listener hears the bus; states here are old."
    )
    stale.add_metric([], int(fresh.stale))
    yield stale
    age = GaugeMetricFamily("muster_listener_heard_age_seconds", "Since the bus was last heard.")
    if fresh.age_seconds is not None:
        age.add_metric([], fresh.age_seconds)
    yield age


class Scraper(ByRole):
    """Everybody when the settings say so; otherwise whoever may read every subcluster."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Ask the settings first."""
        return bool(settings.MUSTER_METRICS_OPEN) or super().has_permission(request, view)


class Metrics(View):
    """GET the metrics."""

    kind = "metrics"
    permission_classes = (Scraper,)
    renderer_classes = (TextRenderer,)

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Whatever is accepted: scrapers ask for many types, and take this one."""
        return TextRenderer(), TextRenderer.media_type

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        """Text in Prometheus' format."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(Rows())
        return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)
