"""Removing nodes: not while they serve, by whichever way, unless somebody forces it."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from cluster_admin.inventory import services
from cluster_admin.inventory.models import Node, NodeStatus, Revision
from cluster_admin.vips.models import VipStatus
from tests.web import seeding
from tests.web.admin_fixtures import ACTOR, client_of, make_superuser
from tests.web.api_client import Api, newest

pytestmark = pytest.mark.django_db
SERVES = "mta1 is alive and not drained: drain it first (muster node drain mta1), or force it"


@pytest.fixture(autouse=True)
def made() -> seeding.Seeded:
    found = seeding.cluster(3, 6)
    with services.change(found.subcluster, ACTOR):
        """The definitions as they are become a revision."""
    return found


@pytest.fixture
def api() -> Api:
    return Api(seeding.user("root", is_superuser=True))


@pytest.fixture
def chief() -> Client:
    return client_of(make_superuser())


def wanted(state: str, name: str = "mta1") -> None:
    Node.objects.filter(name=name).update(admin_state=state)


def emptied(name: str = "mta1") -> None:
    VipStatus.objects.filter(owner=name).update(owner="mta2")


def there(name: str = "mta1") -> bool:
    return Node.objects.filter(name=name).exists()


def page_of(name: str) -> str:
    return reverse("admin:inventory_node_delete", args=(Node.objects.get(name=name).pk,))


@pytest.mark.parametrize("query", ["", "?dry_run=1", "?force=0"])
def test_a_node_that_serves_is_not_removed(api: Api, query: str) -> None:
    answer = api.delete(f"nodes/mta1/{query}")

    assert answer.problem == (409, "refused")
    assert answer.body["detail"] == SERVES
    assert there()
    assert Revision.objects.count() == 1
    assert newest(outcome="refused").object == "mta1"


@pytest.mark.parametrize(
    ("verdict", "status"),
    [("alive", 409), ("suspected", 409), ("dead", 204), ("left", 204), ("unknown", 204)],
)
def test_an_enabled_node_goes_when_it_does_not_live(api: Api, verdict: str, status: int) -> None:
    seeding.judge("mta1", verdict)

    answer = api.delete("nodes/mta1/")

    assert answer.status == status
    if status == 409:
        assert answer.body["detail"].startswith(f"mta1 is {verdict} and not drained")
    assert there() == (status == 409)


def test_a_node_of_which_nothing_was_heard_goes(api: Api) -> None:
    NodeStatus.objects.filter(node__name="mta1").delete()

    assert api.delete("nodes/mta1/").status == 204


@pytest.mark.parametrize(
    ("state", "words"), [("draining", "draining"), ("maintenance", "in maintenance")]
)
def test_a_drained_node_goes_when_it_holds_nothing(api: Api, state: str, words: str) -> None:
    wanted(state)

    answer = api.delete("nodes/mta1/")
    assert answer.problem == (409, "refused")
    assert answer.body["detail"] == (
        f"mta1 is {words} and still holds 2 VIPs: wait until it holds none "
        "(muster node show mta1 --watch), or force it"
    )
    seeding.set_vip("198.18.0.1", owner="mta2")
    assert "still holds 1 VIP:" in api.delete("nodes/mta1/").body["detail"]

    emptied()
    assert api.delete("nodes/mta1/?dry_run=1").status == 200
    assert api.delete("nodes/mta1/").status == 204
    assert not there()


@pytest.mark.parametrize("state", ["enabled", "draining"])
def test_force_removes_what_serves(api: Api, state: str) -> None:
    wanted(state)

    tried = api.delete("nodes/mta1/?force=1&dry_run=1")
    assert "-[node.mta1]" in tried.body["diff"]
    assert there()
    assert api.delete("nodes/mta1/?force=1").status == 204
    assert not there()


def test_force_overrides_nothing_else(api: Api) -> None:
    api.patch("vips/198.18.0.1/", {"prefer": ["mta1"]})

    answer = api.delete("nodes/mta1/?force=1")

    assert answer.problem == (409, "refused")
    assert "prefer" in answer.body["detail"]
    assert there()


def test_force_is_one_or_zero_and_only_where_it_means_something(api: Api) -> None:
    assert api.delete("nodes/mta1/?force=yes").problem == (400, "invalid")
    assert api.delete("vips/198.18.0.1/?force=1").problem == (400, "invalid")
    assert api.patch("nodes/mta1/?force=1", {"weight": 2}).problem == (400, "invalid")


def test_a_drain_that_was_just_asked_for_has_to_be_done_first(api: Api) -> None:
    seen = api.post("nodes/mta1/drain/")

    assert api.delete("nodes/mta1/", If_Match=seen.etag).status == 409
    emptied()
    assert api.delete("nodes/mta1/", If_Match=seen.etag).status == 204


def test_another_subclusters_holders_do_not_count(api: Api) -> None:
    seeding.cluster(1, 2, "staging", prefix="stg", block=2)
    VipStatus.objects.filter(vip__subcluster__name="staging").update(owner="mta1")
    wanted("draining")
    emptied()
    seeding.set_vip("198.18.2.1", owner="mta1")

    assert api.delete("nodes/mta1/").status == 204


def test_a_file_as_a_whole_may_leave_it_out(made: seeding.Seeded) -> None:
    _, text = Revision.objects.get().text.split("\n", 1)  # what the first line says of the rest
    before, _, rest = text.partition("[node.mta1]\n")

    services.import_text(made.subcluster, before + rest[rest.index("[") :], ACTOR)

    assert not there()


def test_the_admin_says_why_and_what_force_would_do(chief: Client) -> None:
    page = chief.get(page_of("mta1")).content.decode()
    assert SERVES in page
    assert "-[node.mta1]" in page
    assert 'name="force"' in page

    unforced = chief.post(page_of("mta1"), {"confirmed": "Remove", "reason": "sold"})
    assert SERVES in unforced.content.decode()
    assert 'value="sold"' in unforced.content.decode()
    assert there()
    assert newest(outcome="refused").object == "mta1"

    sent = {"confirmed": "Remove", "reason": "sold", "force": "on"}
    assert chief.post(page_of("mta1"), sent).status_code == 302
    assert not there()
    assert newest(action="delete", outcome="done").reason == "sold"


def test_the_admin_keeps_the_tick_when_the_form_is_wrong(chief: Client) -> None:
    sent = {"confirmed": "Remove", "reason": "x" * 1000, "force": "on"}

    page = chief.post(page_of("mta1"), sent).content.decode()

    assert 'id="id_force" checked' in page
    assert there()


def test_the_admin_offers_no_force_where_it_would_not_help(chief: Client, api: Api) -> None:
    api.patch("vips/198.18.0.1/", {"prefer": ["mta1"]})

    page = chief.get(page_of("mta1")).content.decode()

    assert SERVES in page
    assert 'name="force"' not in page
    assert 'name="confirmed"' not in page


def test_the_admin_removes_drained_nodes_without_more_ado(chief: Client) -> None:
    wanted("draining")
    emptied()

    page = chief.get(page_of("mta1")).content.decode()
    assert 'name="force"' not in page
    chief.post(page_of("mta1"), {"confirmed": "Remove"})

    assert not there()


def test_one_that_serves_keeps_all_that_were_chosen(chief: Client) -> None:
    seeding.judge("mta3", "dead")
    where = reverse("admin:inventory_node_changelist")
    chosen = list(Node.objects.exclude(name="mta2").values_list("pk", flat=True))
    sent: dict[str, Any] = {"action": "remove", "_selected_action": chosen, "index": "0"}

    page = chief.post(where, sent | {"confirmed": "Remove"}).content.decode()
    assert SERVES in page
    assert "mta3 is" not in page
    assert Node.objects.count() == 3

    chief.post(where, sent | {"confirmed": "Remove", "force": "on"})
    assert [one.name for one in Node.objects.all()] == ["mta2"]


def test_many_that_serve_are_told_in_a_short_sentence(chief: Client) -> None:
    seeding.cluster(9, 9, "staging", prefix="stg", block=2)
    chosen = list(Node.objects.filter(name__startswith="stg").values_list("pk", flat=True))
    where = reverse("admin:inventory_node_changelist")

    page = chief.post(where, {"action": "remove", "_selected_action": chosen, "index": "0"})

    assert "; 4 more serve too" in page.content.decode()
