"""Nodes in the API: replicas, drift with its differences, edits put into the repository, orders."""

from typing import Any

import pytest
from django.utils import timezone

from cluster_admin.configs import sending
from cluster_admin.configs.models import Application, Deployment, Edit, Replica
from cluster_admin.configs.store import repository
from tests.web.api_client import Api, administrator, newest
from tests.web.config_stage import commit, head, subcluster, text

pytestmark = pytest.mark.django_db


@pytest.fixture
def api() -> Api:
    subcluster()
    commit(
        {
            "default/default/main.cf.j2": "name = {{ node.name }}\nsize = 1\n",
            "default/default/key.j2": "{{ secret('p') }}\n",
            "default/default/aliases": "root: a\n",
        }
    )
    Replica.objects.create(
        node="mta1",
        subcluster="default",
        number=head(),
        live=head(),
        heard_at=timezone.now(),
        drift=[{"path": "main.cf", "kind": "changed"}, {"path": "key", "kind": "changed"}],
        drift_count=2,
        autoupdate="true",
    )
    return administrator()


def _edit(path: str, content: bytes | None, **values: Any) -> Edit:
    usual = {"node": "mta1", "subcluster": "default", "live": head(), "at": timezone.now()}
    return Edit.objects.create(path=path, content=content, **usual | values)


def test_replicas_are_a_list_like_others(api: Api) -> None:
    (row,) = api.get("config/replicas/?subcluster=default&ordering=-number").body["results"]

    assert (row["node"], row["number"], row["live"], row["drift_count"]) == (
        *("mta1", head(), head()),
        2,
    )
    assert api.get("config/replicas/?subcluster=other").body["count"] == 0
    assert api.get("config/replicas/?x=1").problem == (400, "invalid")


def test_a_node_says_what_differs_there_and_what_it_applied(api: Api) -> None:
    _edit("main.cf", b"name = mta1\nsize = 2\n")
    Application.objects.create(
        node="mta1", subcluster="default", at=timezone.now(), revision=head(), outcome="applied"
    )

    found = api.get("config/nodes/mta1/").body

    assert found["standing"]["number"] == head()
    assert found["drift"][0] == {"path": "main.cf", "kind": "changed"}
    assert found["edits"][0]["size"] == 21
    assert found["diff"]["text"] == (
        "--- a/main.cf\n+++ b/main.cf\n@@ -1,2 +1,2 @@\n name = mta1\n-size = 1\n+size = 2\n"
    )
    assert found["problem"].startswith("of 1 more files the node did not tell the content")
    assert [one["outcome"] for one in found["applications"]] == ["applied"]


def test_a_file_that_holds_a_secret_is_never_shown(api: Api) -> None:
    _edit("key", b"hunter2\n")

    answer = api.get("config/nodes/mta1/")

    assert "hunter2" not in answer.text
    assert answer.body["diff"]["files"] == []


def test_a_node_that_was_never_heard_has_no_standing(api: Api) -> None:
    found = api.get("config/nodes/mta2/").body

    assert (found["standing"], found["edits"], found["problem"]) == (None, [], "")


def test_edits_of_a_node_are_committed_to_its_own_directory(api: Api) -> None:
    _edit("main.cf", b"name = mta1\nsize = 2\n")
    _edit("aliases", None)
    live = head()

    tried = api.post("config/nodes/mta1/put/", {"dry_run": True})
    made = api.post("config/nodes/mta1/put/", {"paths": ["main.cf", "aliases"]})

    assert set(tried.body["nodes"]) == {"mta1"}
    assert (made.status, made.body["revision"]) == (201, live + 1)
    assert made.body["message"] == "Edited on mta1: aliases, main.cf"
    assert text("default/mta1/main.cf") == "name = mta1\nsize = 2\n"
    assert "default/mta1/aliases.absent" in repository().tree(head())
    again = api.post("config/nodes/mta1/put/", {})
    assert again.problem in ((409, "refused"), (422, "refused"))


def test_what_cannot_be_put_is_refused(api: Api) -> None:
    assert api.post("config/nodes/mta1/put/", {}).problem == (409, "refused")
    _edit("main.cf", b"x\n", live=head() - 1)
    assert api.post("config/nodes/mta1/put/", {}).problem == (422, "refused")
    _edit("aliases", b"root: b\n")
    assert api.post("config/nodes/mta1/put/", {}).problem == (409, "refused")
    unknown = api.post("config/nodes/mta1/put/", {"paths": ["nothing"]})
    assert unknown.problem == (400, "invalid")
    commit({"default/default/aliases": "root: c\n"})
    overtaken = api.post("config/nodes/mta1/put/", {"paths": ["aliases"]})
    assert overtaken.problem == (422, "refused")
    assert overtaken.body["problems"][0]["node"] == "mta1"
    assert "default/mta1/aliases" not in repository().tree(head())
    assert api.post("config/nodes/nobody/put/", {}).problem == (404, "not_found")


def test_a_file_with_a_secret_is_not_put(api: Api) -> None:
    _edit("key", b"hunter2\n")

    assert api.post("config/nodes/mta1/put/", {}).problem == (422, "refused")
    assert "default/mta1/key" not in repository().tree(head())


def test_what_was_edited_in_another_subcluster_is_neither_shown_nor_put(api: Api) -> None:
    _edit("aliases", b"root: there\n", subcluster="other")

    assert api.get("config/nodes/mta1/").body["edits"] == []
    assert api.post("config/nodes/mta1/put/", {}).problem[1] == "refused"
    assert "default/mta1/aliases" not in repository().tree(head())


def test_a_subcluster_is_deployed_by_hand_and_follows_again(api: Api) -> None:
    where = "config/deployments/default/"
    seen = api.get(where)
    assert seen.body == {"subcluster": "default", "mode": "follow", "revision": 0}
    assert api.get("config/deployments/").body == [seen.body]

    tried = api.patch(f"{where}?dry_run=1", {"revision": 1})
    assert tried.body["dry_run"]
    assert '+ "mode": "manual"' in tried.body["diff"]
    assert not Deployment.objects.exists()
    held = api.patch(where, {"revision": 1}, If_Match=seen.etag, X_Muster_Reason="slowly")
    assert held.body == {"subcluster": "default", "mode": "manual", "revision": 1}
    record = newest(action="deploy")
    assert (record.object, record.reason, record.subcluster) == ("default", "slowly", "default")
    assert api.patch(where, {"revision": 2}, If_Match=seen.etag).problem == (412, "stale")
    assert api.patch(where, {}).body == held.body
    assert api.patch(where, {"mode": "follow"}).body["mode"] == "follow"


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"revision": 99}, (409, "refused")),
        ({"mode": "follow", "revision": 1}, (409, "refused")),
        ({"mode": "sometimes"}, (400, "invalid")),
        ({"revision": -1}, (400, "invalid")),
        ({"rev": 1}, (400, "invalid")),
    ],
)
def test_a_deployment_that_cannot_be_is_refused(
    api: Api, body: dict[str, Any], problem: tuple[int, str]
) -> None:
    assert api.patch("config/deployments/default/", body).problem == problem
    assert not Deployment.objects.exists()


def test_a_node_is_ordered_to_apply(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def send(orders: Any) -> dict[str, str]:
        asked.append(orders)
        return {}

    monkeypatch.setattr(sending, "send", send)
    api.patch("config/deployments/default/", {"revision": 1})

    answer = api.post("config/nodes/mta1/apply/", {"revision": 1, "over_edits": True})

    assert (answer.status, answer.body) == (
        202,
        {"node": "mta1", "revision": 1, "over_edits": True},
    )
    assert "mta1" in asked[-1]
    assert Replica.objects.get(node="mta1").wish_over_edits
    assert newest(action="apply").object == "mta1"


def test_an_order_that_cannot_be_is_refused(api: Api) -> None:
    where = "config/nodes/mta1/apply/"

    assert api.post(where, {"revision": 1}).problem == (409, "refused")
    assert api.post(where, {"revision": "x"}).problem == (400, "invalid")
    assert api.post("config/nodes/nobody/apply/", {}).problem == (404, "not_found")
    assert api.post(where, {}).problem == (409, "refused")
