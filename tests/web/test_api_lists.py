"""Lists: pages, filters, order, search; with so many queries and no more, however many rows."""

from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from cluster_admin.logs.models import LogSource, LogSubscriber
from cluster_admin.logs.shipping_models import Shipping
from cluster_admin.replication.models import LimitExemption, ReplicatedTable, TrafficLimit
from tests.web import seeding
from tests.web.api_client import Api

pytestmark = pytest.mark.django_db
QUERIES = {
    "status/": 7,
    "subclusters/": 5,
    "nodes/": 4,
    "nodes/mta1/": 3,
    "vips/": 4,
    "vips/198.18.0.1/": 3,
    "vips/198.18.0.1/owner/": 4,
    "vips/198.18.0.1/history/": 5,
    "topologies/": 4,
    "logs/sources/": 4,
    "logs/subscribers/": 4,
    "logs/shipping/": 4,
    "limits/": 4,
    "limits/exemptions/": 4,
    "shared/tables/": 4,
    "events/": 4,
    "subclusters/default/settings/": 4,
    "subclusters/default/revisions/": 4,
    "whoami/": 2,
}
"""Two of them are the token and the grants."""


def _reader() -> Api:
    api = Api(seeding.user("ada", "admin"))
    api.get("whoami/")  # notes once a minute that the token is used
    return api


def _tell_some() -> None:
    for number in range(3):
        seeding.tell("taken", "mta1", vip="198.18.0.1", epoch=number)


@pytest.mark.parametrize(("nodes", "vips"), [(2, 4), (40, 400)])
@pytest.mark.parametrize("where", QUERIES)
def test_the_number_of_queries_does_not_depend_on_the_number_of_rows(
    where: str, nodes: int, vips: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    home = seeding.cluster(nodes, vips).subcluster
    _tell_some()
    for number in range(nodes):
        LogSource.objects.create(subcluster=home, name=f"log{number}", path="/var/log/mail.log")
        LogSubscriber.objects.create(subcluster=home, name=f"taker{number}")
        about = {"subcluster": home.name, "node": f"mta{number + 1}", "subscriber": "taker0"}
        Shipping.objects.create(**about, heard_at=timezone.now())
        row = {"subcluster": home, "name": f"row{number}"}
        TrafficLimit.objects.create(**row, subject="inbound-open", per="address", most=5)
        LimitExemption.objects.create(**row, key="k")
        ReplicatedTable.objects.create(**row, type="cache")
    api = _reader()

    with django_assert_num_queries(QUERIES[where]):
        assert api.get(where).status == 200


def test_a_page_of_a_thousand_of_ten_thousand_vips_takes_as_many_queries(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    seeding.cluster(100, 10_240)
    api = _reader()
    for page in (1, 5, 10):
        api.get("whoami/")
        with django_assert_num_queries(4):
            answer = api.get(f"vips/?page_size=1000&page={page}")
        assert len(answer.body["results"]) == 1000

    assert answer.body["count"] == 10_240


def test_a_page_of_a_thousand_nodes_counts_the_vips_of_each(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    seeding.cluster(1_000, 2_000)
    api = _reader()

    with django_assert_num_queries(4):
        answer = api.get("nodes/?page_size=1000")

    assert [row["vips"] for row in answer.body["results"]] == [2] * 1_000


def test_pages_follow_one_another_without_gap_or_repetition() -> None:
    seeding.cluster(3, 120)
    api = _reader()
    found: list[str] = []
    where = "vips/?page_size=50&ordering=owner"
    while where:
        answer = api.get(where)
        found += answer.names
        where = (answer.body["next"] or "").removeprefix("http://testserver")

    assert len(found) == len(set(found)) == 120
    assert answer.body["previous"].startswith("http://testserver/api/v1/vips/?")


def test_vips_sort_by_number_and_nodes_by_name() -> None:
    seeding.cluster(3, 24)
    api = _reader()

    assert api.get("vips/?page_size=3").names == ["198.18.0.1", "198.18.0.2", "198.18.0.3"]
    assert api.get("vips/?ordering=-address&page_size=1").names == ["198.18.0.24"]
    assert api.get("nodes/?ordering=-name").names == ["mta3", "mta2", "mta1"]


@pytest.mark.parametrize(
    ("where", "count"),
    [
        ("vips/?owner=mta1", 8),
        ("vips/?state=owned", 22),
        ("vips/?state=UNSAFE", 1),
        ("vips/?state=unknown", 1),
        ("vips/?state=BROKEN", 0),
        ("vips/?cause=two-owners", 0),
        ("vips/?version=6", 0),
        ("vips/?version=4&subcluster=default", 24),
        ("vips/?search=198.18.0.2", 6),
        ("vips/?search=mta2%200.2", 3),
        ("nodes/?verdict=dead", 1),
        ("nodes/?verdict=unknown", 1),
        ("nodes/?verdict=alive&state=ready", 1),
        ("nodes/?admin_state=draining", 0),
        ("nodes/?segment=rack", 0),
        ("events/?vip=198.18.0.1", 3),
        ("events/?kind=taken&node=mta1", 3),
        ("events/?since=2999-01-01T00:00:00Z", 0),
        ("events/?until=2999-01-01T00:00:00Z", 3),
        ("topologies/?cidr=198.18.0.0/15", 1),
        ("audit/?outcome=denied", 0),
    ],
)
def test_filters_say_what_is_listed(where: str, count: int) -> None:
    made = seeding.cluster(3, 24)
    _tell_some()
    seeding.set_vip("198.18.0.5", state="UNSAFE")
    made.vips[7].status.delete()
    seeding.judge("mta2", "dead")
    made.nodes[2].status.delete()

    assert _reader().get(where).body["count"] == count


def test_events_come_newest_first_and_after_an_id() -> None:
    seeding.cluster()
    _tell_some()
    api = _reader()
    ids = [row["id"] for row in api.get("events/").body["results"]]

    assert ids == sorted(ids, reverse=True)
    later = api.get(f"events/?after={ids[-1]}&ordering=id").body["results"]
    assert [row["id"] for row in later] == sorted(ids)[1:]
    assert api.get(f"events/{ids[0]}/").body["epoch"] == 2


def _keys(value: Any) -> Any:
    return {key: _keys(one) for key, one in value.items()} if isinstance(value, dict) else None


def test_rows_that_nothing_was_heard_of_have_the_same_shape() -> None:
    made = seeding.cluster()
    api = _reader()
    heard = [api.get(where).body for where in ("nodes/mta1/", "vips/198.18.0.1/")]
    made.nodes[0].status.delete()
    made.vips[0].status.delete()

    silent = [api.get(where).body for where in ("nodes/mta1/", "vips/198.18.0.1/")]

    for one in (*heard, *silent):
        one["status"]["rings"] = None
    assert list(map(_keys, heard)) == list(map(_keys, silent))
    assert silent[0]["status"]["verdict"] == silent[1]["status"]["state"] == "unknown"


def test_what_happens_if_a_node_dies_names_the_view_it_rests_on() -> None:
    seeding.cluster(3, 24)

    told = _reader().get("nodes/mta1/if-dies/").body

    assert {move["from"] for move in told["moves"]} == {"mta1"}
    assert {move["to"] for move in told["moves"]} == {"mta2", "mta3"}
    assert len(told["moves"]) == 8
    assert told["view"]["members"] == ["mta1", "mta2", "mta3"]
    assert told["view"]["age_seconds"] >= 0
    assert told["unserved"] == []


def test_the_owner_is_told_to_load_balancers_or_nobody_is() -> None:
    seeding.cluster()
    api = _reader()

    owned = api.get("vips/198.18.0.1/owner/")
    seeding.set_vip("198.18.0.1", state="unowned", owner="")
    nobody = api.get("vips/198.18.0.1/owner/")

    assert owned.body["owner"] == "mta1"
    assert owned.body["stale_seconds"] < 60
    assert nobody.problem == (503, "unavailable")
    assert "nobody owns 198.18.0.1" in nobody.body["detail"]


def test_the_status_counts_what_there_is() -> None:
    seeding.cluster()
    seeding.set_vip("198.18.0.2", state="UNSAFE")
    seeding.set_vip("198.18.0.3", cause="no-heir")
    seeding.judge("mta3", "dead", revision=0)

    told = _reader().get("status/").body

    assert told["cluster"] == "demo"
    assert told["subclusters"] == [
        {
            "name": "default",
            "revision": 1,
            "nodes": 3,
            "alive": 2,
            "vips": 24,
            "owned": 23,
            "unowned": 0,
            "unsafe": 1,
            "broken": 0,
            "conflict": 0,
            "stuck": 0,
            "foreign": 0,
            "no_heir": 1,
            "acting_revision_min": 1,
        }
    ]
    assert told["listener"]["stale"] is False
    assert told["events"] == {"newest_id": 0}
