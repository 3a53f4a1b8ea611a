"""The alert rules that are shipped ask for metrics, labels and values that there are."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.core import Metric

from cluster_admin.api.metrics import Rows
from cluster_admin.configs.conflict_models import RefusedMessages
from cluster_admin.configs.models import Application, Replica
from cluster_admin.events.models import ListenerStatus
from cluster_admin.inventory.models import Node, NodeStatus
from cluster_admin.logs.shipping_models import Shipping
from cluster_admin.vips.models import VipStatus
from tests.architecture.tree import ROOT
from tests.web.counting import Counting, answering
from tests.web.listening import Bus, make_subcluster
from workers.config.core.reports import Outcome
from workers.failover.core.messages import NodeState

RULES = yaml.safe_load((ROOT / "fixtures" / "prometheus" / "muster.rules.yaml").read_text())
ALERTS = [rule for group in RULES["groups"] for rule in group["rules"]]
VALUES = {
    "verdict": set(NodeStatus.Verdict.values),
    "admin_state": set(Node.Admin.values),
    "cause": set(VipStatus.Cause.values),
    "outcome": set(Outcome),
}
STATES = {
    "muster_vip_owner_info": set(VipStatus.State.values),
    "muster_vips": set(VipStatus.State.values),
    "muster_node_info": set(NodeState),
}
OF_PROMETHEUS = {"up": {"job", "instance"}}
"""What it adds by itself."""


@pytest.fixture
def metrics(settings: Any, tmp_path: Path) -> dict[str, Metric]:
    make_subcluster()
    Bus().all_well()
    now = datetime.now(UTC)
    ListenerStatus.objects.create(name="here", started_at=now, alive_at=now, heard_at=now)
    home = {"node": Node.objects.first().name, "subcluster": "default"}  # type: ignore[union-attr]
    Replica.objects.create(**home, heard_at=now)
    Application.objects.create(**home, at=now, revision=1, outcome="applied")
    Shipping.objects.create(**home, subscriber="archive", heard_at=now)
    RefusedMessages.objects.create(sender="mta1", count=1, newest_at=now)
    settings.MUSTER_SHARED_SOCKET = tmp_path / "shared.sock"
    counting = Counting()
    counting.refuse("mta1", "per-client", "192.0.2.1")
    with answering(settings.MUSTER_SHARED_SOCKET, counting):
        return {sample.name: metric for metric in Rows().collect() for sample in metric.samples}


@pytest.mark.django_db
@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_asks_for_what_there_is(alert: dict[str, str], metrics: dict[str, Metric]) -> None:
    expression = alert["expr"]
    names = set(re.findall(r"\bmuster_\w+|\bup\b", expression))

    assert names
    assert names - OF_PROMETHEUS.keys() <= metrics.keys()
    for name, matchers in re.findall(r"(muster_\w+)\{([^}]*)\}", expression):
        labels = metrics[name].samples[0].labels
        for label, values in re.findall(r'(\w+)(?:=~|!=|=)"([^"]*)"', matchers):
            assert label in labels
            known = STATES[name] if label == "state" else VALUES.get(label)
            assert known is None or set(values.split("|")) <= known


@pytest.mark.django_db
def test_texts_name_labels_that_there_are(metrics: dict[str, Metric]) -> None:
    for alert in ALERTS:
        first = re.findall(r"muster_\w+|\bup\b", alert["expr"])[0]
        labels = OF_PROMETHEUS.get(first) or metrics[first].samples[0].labels.keys()
        used = set(re.findall(r"\$labels\.(\w+)", " ".join(alert["annotations"].values())))
        assert used <= labels, alert["alert"]


def test_every_alert_says_how_bad_it_is_and_what_to_do() -> None:
    assert len({alert["alert"] for alert in ALERTS}) == len(ALERTS)
    for alert in ALERTS:
        assert alert["labels"]["severity"] in ("critical", "warning")
        assert {*alert["annotations"]} == {"summary", "way"}
