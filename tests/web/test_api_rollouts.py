"""Rollouts in the API: started, tried, shown, steered; by whom; and what is refused."""

from typing import Any

import pytest

from tests.web import seeding
from tests.web.api_client import Api, administrator, newest
from tests.web.rollout_stage import Stage

pytestmark = pytest.mark.django_db


@pytest.fixture
def stage() -> Stage:
    return Stage()


def _body(stage: Stage, **values: Any) -> dict[str, Any]:
    return {"subcluster": "default", "revision": stage.new, "pause_seconds": 3} | values


def test_started_shown_and_listed(stage: Stage) -> None:
    api = administrator()

    answer = api("POST", "config/rollouts/", _body(stage), X_Muster_Reason="Tuesday")

    assert answer.status == 201
    where = answer.headers["Location"]
    assert (answer.body["phase"], answer.body["reason"]) == ("running", "Tuesday")
    assert [one["node"] for one in answer.body["members"]] == ["mta1", "mta2", "mta3"]
    stage.until("mta2", "ordered")
    shown = api.get(where).body
    assert shown["progress"] == pytest.approx(1 / 3, abs=1e-3)
    assert shown["counts"] == {"passed": 1, "ordered": 1, "waiting": 1}
    told = [one["what"] for one in shown["facts"]]
    assert told == ["running", "ordered", "applied", "passed", "ordered"]
    assert shown["facts"][0]["sentence"] == "started by ada: Tuesday"
    listed = api.get("config/rollouts/?subcluster=default&phase=running&ordering=-id").body
    assert [one["id"] for one in listed["results"]] == [shown["id"]]
    assert api.get("config/rollouts/?phase=done").body["count"] == 0


def test_tried_it_says_who_when_and_what_each_node_would_get(stage: Stage) -> None:
    api = administrator()

    told = api.post("config/rollouts/?dry_run=1", _body(stage, canary=2, order=["mta3"])).body

    assert told["dry_run"] is True
    assert told["batches"] == [["mta3", "mta1"], ["mta2"]]
    assert [one["node"] for one in told["nodes"]] == ["mta3", "mta1", "mta2"]
    for one in told["nodes"]:
        assert "-a.test :" in one["diff"]
        assert "+b.test :" in one["diff"]
    assert told["diff"].startswith("# mta3\n--- a/")
    assert api.get("config/rollouts/").body["count"] == 0


def test_steered(stage: Stage) -> None:
    api = administrator()
    where = api.post("config/rollouts/", _body(stage)).headers["Location"]

    assert api.post(f"{where}pause/").body["phase"] == "paused"
    assert api.post(f"{where}pause/").problem == (409, "refused")
    assert api.post(f"{where}resume/").body["phase"] == "running"
    stage.until("mta1", "ordered")
    answer = api("POST", f"{where}abort/", X_Muster_Reason="wrong")
    assert (answer.body["phase"], answer.body["sentence"]) == (
        "turning_back",
        "aborted by ada: wrong",
    )
    stage.run()
    assert api.get(where).body["phase"] == "aborted"
    assert api.post(f"{where}abort/").problem == (409, "refused")


def test_who_may(stage: Stage) -> None:
    operator = Api(seeding.user("olga", "operator", "default"))
    where = operator.post("config/rollouts/", _body(stage)).headers["Location"]
    viewer = Api(seeding.user("vera", "viewer", "default"))
    stranger = Api(seeding.user("otto", "operator", "elsewhere"))

    assert viewer.get(where).status == 200
    assert viewer.post(f"{where}abort/").problem == (403, "forbidden")
    assert viewer.post("config/rollouts/", _body(stage)).problem == (403, "forbidden")
    assert stranger.get(where).problem == (403, "forbidden")
    assert stranger.get("config/rollouts/").body["count"] == 0
    assert stranger.post("config/rollouts/", _body(stage)).problem == (403, "forbidden")
    reader = Api(seeding.user("rita", "operator", "default"), scopes=["read"])
    assert reader.post(f"{where}pause/").problem == (403, "scope_missing")
    assert newest(kind="rollout", outcome="denied").actor == "rita"


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"revision": 99}, (409, "refused")),
        ({"canary": 0}, (400, "invalid")),
        ({"batch": "2"}, (400, "invalid")),
        ({"stops": "often"}, (400, "invalid")),
        ({"pause_seconds": -1}, (400, "invalid")),
        ({"colour": "red"}, (400, "invalid")),
        ({"order": ["mta9"]}, (409, "refused")),
        ({"subcluster": "elsewhere"}, (400, "invalid")),
        ({"drain": True, "canary": 3}, (409, "refused")),
    ],
)
def test_what_cannot_be_is_refused(
    stage: Stage, values: dict[str, Any], problem: tuple[int, str]
) -> None:
    api = administrator()

    assert api.post("config/rollouts/", _body(stage, **values)).problem == problem
    assert api.post("config/rollouts/?dry_run=1", _body(stage, **values)).problem == problem


def test_meanwhile_nobody_else_says_what_nodes_have(stage: Stage) -> None:
    api = administrator()
    api.post("config/rollouts/", _body(stage))

    assert api.patch("config/deployments/default/", {"revision": stage.new}).problem == (
        *(409, "refused"),
    )
    assert api.post("config/nodes/mta2/apply/", {"revision": stage.new}).problem == (
        *(409, "refused"),
    )
    assert api.post("config/rollouts/", _body(stage)).problem == (409, "refused")


def test_what_is_not_there(stage: Stage) -> None:
    api = administrator()

    assert api.get("config/rollouts/7/").problem == (404, "not_found")
    assert api.get("config/rollouts/?colour=red").problem == (400, "invalid")
    assert api.post("config/rollouts/7/abort/").problem == (404, "not_found")
