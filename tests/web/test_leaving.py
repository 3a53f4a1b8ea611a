"""Nodes that were removed: their accounts at the broker go, a minute later, and no others."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from cluster_admin.inventory.models import Node
from cluster_admin.joining import accounts, leaving
from cluster_admin.joining.models import BrokerAccount, JoinToken
from tests.web.admin_fixtures import client_of, make_superuser
from tests.web.api_client import Api, newest
from tests.web.fake_management import FakeManagement
from tests.web.joining_parts import administrator, join, managed, new_token
from workers.bus.permissions import node_permissions

pytestmark = pytest.mark.django_db


@pytest.fixture
def broker(settings: Any, tmp_path: Path) -> Iterator[FakeManagement]:
    with managed(settings, tmp_path) as fake:
        yield fake


@pytest.fixture
def api(broker: FakeManagement) -> Api:
    return administrator()


@pytest.fixture
def joined(api: Api) -> datetime:
    """mta1 has joined, and the manager has looked at which nodes there are."""
    join(new_token(api))
    now = timezone.now()
    leaving.look(now)
    return now


def remove(api: Api, node: str = "mta1") -> None:
    assert api.delete(f"nodes/{node}/?force=1").status == 204


def later(now: datetime, seconds: float) -> datetime:
    return now + timedelta(seconds=seconds)


def test_a_node_that_was_removed_loses_its_account_a_minute_later(
    api: Api, broker: FakeManagement, joined: datetime
) -> None:
    broker.objects[("queues", "/", "node.mta1")] = {}
    remove(api)

    assert leaving.look(joined) == 0
    assert leaving.look(later(joined, 59)) == 0
    assert broker.account("mta1") is not None
    assert leaving.look(later(joined, 60)) == 1

    assert broker.account("mta1") is None
    assert broker.names("queues") == []
    assert not BrokerAccount.objects.filter(name="mta1").exists()
    record = newest(kind="broker account")
    assert (record.action, record.object, record.subcluster) == ("delete", "mta1", "default")
    assert leaving.look(later(joined, 120)) == 0


def test_a_node_with_tokens_is_removed_in_the_admin_too(
    api: Api, broker: FakeManagement, joined: datetime
) -> None:
    new_token(api)
    page = reverse("admin:inventory_node_delete", args=(Node.objects.get(name="mta1").pk,))
    sent = {"confirmed": "Remove", "reason": "sold", "force": "on"}

    assert client_of(make_superuser()).post(page, sent).status_code == 302

    assert not JoinToken.objects.exists()
    leaving.look(joined)
    assert leaving.look(later(joined, 60)) == 1
    assert broker.account("mta1") is None


def test_a_node_that_is_back_in_time_keeps_its_account(
    api: Api, broker: FakeManagement, joined: datetime
) -> None:
    remove(api)
    leaving.look(joined)
    body = {"name": "mta1", "address": "10.0.0.1", "subcluster": "default"}
    assert api.post("nodes/", body).status == 201

    assert leaving.look(later(joined, 61)) == 0
    assert broker.account("mta1") is not None
    remove(api)
    assert leaving.look(later(joined, 70)) == 0
    assert leaving.look(later(joined, 129)) == 0
    assert leaving.look(later(joined, 130)) == 1


def test_an_account_made_by_hand_goes_with_its_node_and_another_clusters_stays(
    api: Api, broker: FakeManagement, joined: datetime
) -> None:
    for name, cluster in (("mta2", "demo"), ("mta3", "other")):
        rights = node_permissions(cluster, "default", name)
        broker.objects[("users", name)] = {"tags": ""}
        broker.objects[("permissions", "/", name)] = {
            one: getattr(rights, one) for one in ("configure", "write", "read")
        }
        remove(api, name)
    leaving.look(joined)

    assert leaving.look(later(joined, 60)) == 1
    assert broker.names("users") == ["mta1", "mta3"]
    assert sorted(BrokerAccount.objects.values_list("name", flat=True)) == ["mta1"]


def test_a_broker_that_is_away_is_asked_again(
    api: Api, broker: FakeManagement, joined: datetime
) -> None:
    remove(api)
    leaving.look(joined)
    broker.status = 500

    assert leaving.look(later(joined, 60)) == 0
    broker.status = 0
    assert leaving.look(later(joined, 75)) == 1


def test_a_deletion_that_the_broker_refuses_keeps_no_other_back(
    api: Api, broker: FakeManagement, joined: datetime
) -> None:
    remove(api)
    join(new_token(api, "mta2"))
    remove(api, "mta2")
    leaving.look(joined)

    def refuse(method: str, key: tuple[str, ...]) -> None:
        broker.status = 400 if method == "DELETE" and key == ("users", "mta1") else 0

    broker.before = refuse
    assert leaving.look(later(joined, 60)) == 1
    assert broker.names("users") == ["mta1"]
    broker.before, broker.status = lambda *_: None, 0
    assert leaving.look(later(joined, 119)) == 0
    assert leaving.look(later(joined, 120)) == 1


def test_an_account_that_somebody_is_at_is_left_for_the_next_look(
    api: Api, broker: FakeManagement, joined: datetime
) -> None:
    remove(api)
    leaving.look(joined)
    accounts.hold("mta1", "default", later(joined, 59))

    assert leaving.look(later(joined, 60)) == 0
    assert leaving.look(later(joined, 120)) == 1
