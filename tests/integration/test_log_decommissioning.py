"""The end of a subscriber with a real broker: what is refused, what goes, what a death leaves."""

from collections.abc import Iterator
from typing import Any

import pika
import pytest
from django.test import Client
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker

from cluster_admin.audit.actor import Actor
from cluster_admin.audit.models import AuditRecord
from cluster_admin.inventory import services
from cluster_admin.inventory.models import Subcluster
from cluster_admin.inventory.services import Overridable, Refused
from cluster_admin.logs.decommissioning import decommission
from cluster_admin.logs.models import LogSubscriber
from tests.integration.brokers import CLUSTER, RunningBroker, free_ports
from tests.web import seeding
from workers.bus.exchanges import MANAGER_ACCOUNT, logs_queue, logs_queue_arguments

pytestmark = pytest.mark.django_db
ACTOR = Actor("tester")
NAME = "archive"
QUEUE = logs_queue(CLUSTER, NAME)


@pytest.fixture
def collector(rabbitmq: RunningBroker, settings: Any) -> Iterator[BlockingChannel]:
    """A channel on which the subscriber's queue was declared, in two subclusters' definitions."""
    settings.MUSTER_CLUSTER = CLUSTER
    settings.MUSTER_BROKERS = (rabbitmq.url(MANAGER_ACCOUNT),)
    for name in ("default", "staging"):
        row = Subcluster.objects.create(name=name)
        with services.change(row, ACTOR):
            LogSubscriber.objects.create(subcluster=row, name=NAME)
    with pika.BlockingConnection(pika.URLParameters(rabbitmq.url(MANAGER_ACCOUNT))) as connection:
        channel = connection.channel()
        channel.queue_declare(QUEUE, durable=True, arguments=logs_queue_arguments(1 << 20))
        channel.confirm_delivery()
        yield channel
        if channel.is_open:
            channel.queue_delete(QUEUE)


def _gone(channel: BlockingChannel) -> bool:
    try:
        channel.queue_declare(QUEUE, passive=True)
    except ChannelClosedByBroker as error:
        return bool(error.reply_code == 404)
    return False


def test_one_that_nobody_uses_goes_everywhere(collector: BlockingChannel) -> None:
    outcome = decommission(NAME, ACTOR, "its disk is gone")

    assert sorted(outcome.told()["subclusters"]) == ["default", "staging"]  # type: ignore[call-overload]
    assert not LogSubscriber.objects.exists()
    record = AuditRecord.objects.get(kind="queue")
    assert (record.object, record.reason) == (QUEUE, "its disk is gone")
    assert _gone(collector)


def test_one_that_takes_logs_stays(collector: BlockingChannel) -> None:
    collector.basic_consume(QUEUE, lambda *_: None)

    with pytest.raises(Overridable, match="still takes logs as archive: stop it"):
        decommission(NAME, ACTOR)

    assert LogSubscriber.objects.count() == 2


def test_what_waits_is_lost_only_by_force(collector: BlockingChannel) -> None:
    collector.basic_publish("", QUEUE, b"a piece")

    with pytest.raises(Overridable, match="1 pieces of logs wait"):
        decommission(NAME, ACTOR)
    looked = decommission(NAME, ACTOR, dry_run=True, force=True)
    assert LogSubscriber.objects.count() == 2
    assert "-[subscriber.archive]" in str(looked.told()["diff"])
    assert f"-queue {QUEUE}" in str(looked.told()["diff"])

    assert decommission(NAME, ACTOR, force=True).told()["messages"] == 1
    assert _gone(collector)


def test_the_page_says_what_is_lost_and_asks(collector: BlockingChannel) -> None:
    """Given a piece that waits, then the page says so, and only what is ticked does it."""
    collector.basic_publish("", QUEUE, b"a piece")
    client = Client()
    client.force_login(seeding.user("root", "admin"))
    page = f"/logs/subscribers/{NAME}/decommission/"

    asked = client.get(page).content.decode()
    collector.connection.process_data_events()  # the broker leaves who is silent for long
    assert "1 piece of logs" in asked
    assert "default, staging" in asked
    assert 'name="force"' in asked

    refused = client.post(page, {"reason": "why"}, follow=True).content.decode()
    collector.connection.process_data_events()
    assert f"{NAME} stays as it is: 1 pieces of logs wait" in refused
    assert LogSubscriber.objects.count() == 2

    done = client.post(page, {"reason": "its disk is gone", "force": "1"}, follow=True)
    collector.connection.process_data_events()
    assert "its queue is gone, and 1 pieces of logs with it" in done.content.decode()
    assert not LogSubscriber.objects.exists()
    assert AuditRecord.objects.get(kind="queue").reason == "its disk is gone"
    assert _gone(collector)
    again = client.get(page).content.decode()
    assert "there is no log subscriber archive, and no queue of it" in again


def test_what_died_halfway_is_finished(collector: BlockingChannel) -> None:
    LogSubscriber.objects.all().delete()

    assert decommission(NAME, ACTOR).told()["subclusters"] == []
    with pytest.raises(Refused, match="there is no log subscriber archive, and no queue of it"):
        decommission(NAME, ACTOR)
    assert _gone(collector)


@pytest.mark.usefixtures("collector")
def test_without_a_broker_nothing_is_changed(settings: Any) -> None:
    [port] = free_ports(1)
    settings.MUSTER_BROKERS = (f"amqp://manager:word@127.0.0.1:{port}/",)

    with pytest.raises(Refused, match="repeat it when the broker is well"):
        decommission(NAME, ACTOR)

    assert LogSubscriber.objects.count() == 2
