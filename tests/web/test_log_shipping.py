"""What nodes tell of their logs becomes rows, events, metrics, a page and a command's answer."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from prometheus_client import generate_latest
from prometheus_client.core import CollectorRegistry

from cluster_admin.api.metrics import Rows
from cluster_admin.audit.models import AuditRecord
from cluster_admin.events.ledger import Arrival
from cluster_admin.events.models import Event, Notification, NotificationTarget
from cluster_admin.events.moments import Moment
from cluster_admin.inventory.models import Node, Subcluster
from cluster_admin.logs.models import LogSubscriber
from cluster_admin.logs.shipping import Desk
from cluster_admin.logs.shipping_models import Shipping
from tests.web import seeding
from tests.web.api_client import Api, administrator
from tests.web.seeding import Seeded
from tests.web.shell import Shell
from workers.bus.codec import Codec
from workers.logs.core.standing import File, Standing, Subscription

pytestmark = pytest.mark.django_db
KEY = b"0" * 32
BEGAN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MIB = 1 << 20
CODEC: Codec[Standing] = Codec("demo", "default", [KEY], Standing)


def subscription(name: str = "archive", **values: Any) -> Subscription:
    """A node's word of a subscriber that has everything, unless said otherwise.

    It keeps up to 100 MiB for it.
    """
    told: dict[str, Any] = {
        "connected": True,
        "backlog_bytes": 0,
        "backlog_seconds": 0.0,
        "backlog_limit_bytes": 100 * MIB,
        "sources": (File("mail", "/var/log/mail.log", 2000, 1500, 1800, 3.0),),
    }
    return Subscription(name, **told | values)


@dataclass
class Bus:
    """What the ear's thread does, by hand; minutes pass when they are told to."""

    desk: Desk = field(default_factory=lambda: Desk("demo", [KEY]))
    seconds: float = 0.0

    def tell(
        self, *subscribers: Subscription, node: str = "mta1", user: str = "", minutes: float = 1
    ) -> None:
        """A node tells how its logs are."""
        self.seconds += 60 * minutes
        body = CODEC.encode(Standing(node, subscribers))
        now = Moment(self.seconds, BEGAN + timedelta(seconds=self.seconds))
        self.desk.work([Arrival("default", body, user or node, self.seconds)], now)


@pytest.fixture
def seeded() -> Seeded:
    """Three nodes."""
    return seeding.cluster(vips=2)


@pytest.fixture
def shell(seeded: Seeded, tmp_path: Path) -> Shell:
    """An administrator's."""
    return Shell(tmp_path, administrator().secret)


@pytest.fixture
def bus(seeded: Seeded) -> Bus:
    """Nothing was told yet."""
    return Bus()


def happened() -> list[tuple[str, str, str]]:
    """(kind, about whom, why) of the manager's own events, in order."""
    found = Event.objects.order_by("id").filter(node="manager")
    return list(found.values_list("kind", "peer", "reason"))


def test_the_last_word_of_each_node_is_kept(bus: Bus) -> None:
    """Given that nodes tell, and one again, then there is a row for each node and subscriber."""
    bus.tell(subscription(), subscription("second", connected=False))
    bus.tell(subscription(backlog_bytes=7), node="mta2")
    bus.tell(subscription(backlog_bytes=9, dropped_bytes=0))
    rows = {(row.node, row.subscriber): row for row in Shipping.objects.all()}
    assert set(rows) == {("mta1", "archive"), ("mta2", "archive")}
    row = rows["mta1", "archive"]
    assert (row.backlog_bytes, row.on_disk_bytes, row.connected) == (9, 2000, True)
    assert row.heard_at == BEGAN + timedelta(minutes=3)


def test_a_backlog_that_grows_is_told_once_and_again_when_it_is_over(bus: Bus) -> None:
    """Given a backlog past half of the limit, then its end; then one line that is too old."""
    for waiting in (10, 51, 49, 52, 41, 39):
        bus.tell(subscription(backlog_bytes=waiting * MIB))
    bus.tell(subscription(backlog_bytes=1, backlog_seconds=601.0))
    kinds = [kind for kind, _, _ in happened()]
    assert kinds == ["backlog", "caught_up", "backlog"]
    assert happened()[0][1:] == (
        "mta1",
        "logs for archive pile up: 51 % of what the node keeps for it waits; "
        "past 100 % the oldest is dropped",
    )
    assert "waited for 10 minutes" in Shipping.objects.get().alarm


def test_what_a_node_gives_up_is_told_with_its_size(bus: Bus) -> None:
    """Given drops that go on, then each ten minutes say how much since; a new count begins anew."""
    bus.tell(subscription(dropped_bytes=1000))
    bus.tell(subscription(dropped_bytes=1700))
    bus.tell(subscription(dropped_bytes=2000), minutes=10)
    bus.tell(subscription(dropped_bytes=0), minutes=10)
    bus.tell(subscription(dropped_bytes=5), minutes=10)
    sizes = [reason.split()[0] for kind, _, reason in happened() if kind == "dropped"]
    assert sizes == ["1000", "1000", "5"]


def test_people_are_told_by_whatever_tells_them_everything(bus: Bus) -> None:
    """Given a target of all topics, then alarms and drops of two nodes are two messages."""
    NotificationTarget.objects.create(kind="webhook", address="http://198.18.0.9/hook")
    bus.tell(subscription(backlog_bytes=60 * MIB, dropped_bytes=3))
    bus.tell(subscription(backlog_bytes=60 * MIB), node="mta2", minutes=0.01)
    told = {row.topic: row.subjects for row in Notification.objects.all()}
    assert told == {"backlog": ["mta1", "mta2"], "dropped": ["mta1"]}


def test_nobody_speaks_for_another(bus: Bus) -> None:
    """Given another's account, a stranger, and bytes that are none, then nothing is kept."""
    bus.tell(subscription(), user="mta2")
    bus.tell(subscription(), node="stranger")
    bus.desk.work([Arrival("default", b"x", "mta1", 0.0)], Moment(0.0, BEGAN))
    assert not Shipping.objects.exists()


def test_what_is_gone_leaves_nothing(bus: Bus) -> None:
    """Given a subscriber that is no more, then a node that is no more: their rows go."""
    bus.tell(subscription(), subscription("second"))
    bus.tell(subscription("second"))
    assert [row.subscriber for row in Shipping.objects.all()] == ["second"]
    Node.objects.filter(name="mta1").delete()
    assert bus.desk.subclusters() == {"default"}
    assert not Shipping.objects.exists()


def test_the_api_has_positions_and_respects_who_may_read(bus: Bus) -> None:
    """Given a node's word, then a reader sees lag by file; a stranger's reader sees nothing."""
    bus.tell(subscription(backlog_bytes=500, backlog_seconds=3.0))
    api = administrator()
    (row,) = api.get("logs/shipping/?node=mta1&subscriber=archive").body["results"]
    assert (row["on_disk_bytes"], row["backlog_bytes"], row["alarm"]) == (2000, 500, "")
    assert row["files"] == [
        {
            "name": "mail",
            "path": "/var/log/mail.log",
            "size": 2000,
            "kept": 1500,
            "lag_bytes": 500,
            "lag_seconds": 3.0,
        }
    ]
    assert api.get("logs/shipping/?subscriber=none").body["results"] == []
    assert Api(seeding.user("otto", "viewer", "other")).get("logs/shipping/").body["count"] == 0
    assert Api().get("logs/shipping/").status == HTTPStatus.UNAUTHORIZED


def test_metrics_have_each_node_and_subscriber(bus: Bus) -> None:
    """Given a node's word, then Prometheus gets its numbers under its labels."""
    bus.tell(subscription(backlog_bytes=60 * MIB, dropped_bytes=3))
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Rows())
    text = generate_latest(registry).decode()
    labels = '{node="mta1",subcluster="default",subscriber="archive"}'
    assert f"muster_logs_backlog_bytes{labels} 6.291456e+07\n" in text
    assert f"muster_logs_dropped_bytes_total{labels} 3.0" in text
    assert f"muster_logs_alarm{labels} 1.0" in text


@pytest.mark.one_database
def test_the_command_shows_nodes_and_then_one_nodes_positions(bus: Bus, shell: Shell) -> None:
    """Given a node's word, then `muster logs show` lists it, and with a name each file."""
    bus.tell(subscription("second"), subscription(backlog_bytes=500))
    row, other = json.loads(shell.types("muster logs show -o json").stdout)
    assert (row["node"], row["subscriber"], row["backlog_bytes"]) == ("mta1", "archive", 500)
    assert (other["node"], other["subscriber"]) == ("mta1", "second")
    table = shell.types("muster logs show mta1").stdout
    for word in ("archive", "second", "mail", "2000", "1500", "500", "/var/log/mail.log"):
        assert word in table


def test_the_end_of_a_subscriber_is_for_administrators_of_everything(bus: Bus) -> None:
    """Given somebody who administers one subcluster, then neither page nor button ends it."""
    bus.tell(subscription())
    LogSubscriber.objects.create(subcluster=Subcluster.objects.get(name="default"), name="archive")
    page = "/logs/subscribers/archive/decommission/"
    client = Client()
    client.force_login(seeding.user("otto", "admin", "default"))
    assert client.get(page).status_code == HTTPStatus.FORBIDDEN
    assert client.post(page, {"force": "1"}).status_code == HTTPStatus.FORBIDDEN
    record = AuditRecord.objects.get(action="decommission")
    assert (record.object, record.outcome) == ("archive", "denied")
    assert page not in client.get("/logs/shipping/").content.decode()
    chief = Client()
    chief.force_login(seeding.user("root", "admin"))
    assert page in chief.get("/logs/shipping/").content.decode()
    assert "MUSTER_BROKER_URL" in chief.get(page).content.decode()
    assert LogSubscriber.objects.exists()


def test_the_page_shows_what_piles_up(bus: Bus) -> None:
    """Given an alarm, then the page says so, and names files once a node is asked for."""
    bus.tell(subscription(backlog_bytes=60 * MIB))
    client = Client()
    client.force_login(seeding.user("vera"))
    page = client.get("/logs/shipping/").content.decode()
    assert "piles up" in page
    assert "60 % of what the node keeps" in page
    assert "/var/log/mail.log" not in page
    assert "/var/log/mail.log" in client.get("/logs/shipping/?node=mta1").content.decode()
    assert client.get("/logs/shipping/?format=csv").status_code == HTTPStatus.OK
    other = Client()
    other.force_login(seeding.user("otto", "viewer", "other"))
    assert "mta1" not in other.get("/logs/shipping/").content.decode()
