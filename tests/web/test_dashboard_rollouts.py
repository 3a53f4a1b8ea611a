"""The pages of rollouts: what they show as it goes on, what an operator does there, who may."""

import pytest
from django.test import Client

from cluster_admin.audit.models import AuditRecord
from cluster_admin.configs import live, rollouts
from cluster_admin.configs.rollout_models import Rollout
from cluster_admin.events import feed
from tests.web import seeding
from tests.web.rollout_stage import OLGA, Stage

pytestmark = pytest.mark.django_db
PART = {"X-Muster-Part": "1"}


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def operator(client: Client, stage: Stage) -> Client:
    client.force_login(seeding.user("ola", "operator", "default"))
    return client


def _form(stage: Stage, **values: str) -> dict[str, str]:
    usual = {"subcluster": "default", "revision": str(stage.new), "canary": "1", "batch": "2"}
    return usual | {"pause": "3", "stops": "never", "reason": "Tuesday"} | values


def _text(client: Client, where: str) -> str:
    answer = client.get(where)
    assert answer.status_code == 200
    return answer.content.decode()


def test_started_from_the_page(operator: Client, stage: Stage) -> None:
    assert "There was no rollout yet." in _text(operator, "/config/rollouts/")

    answer = operator.post("/config/rollouts/start/", _form(stage, drain="1"), follow=True)

    row = Rollout.objects.get()
    assert "has begun" in answer.content.decode()
    assert (row.started_by, row.reason, row.value().settings.drain) == ("ola", "Tuesday", True)
    assert f'href="/config/rollouts/{row.pk}/"' in _text(operator, "/config/rollouts/")


def test_it_shows_how_each_node_stands_as_it_goes(operator: Client, stage: Stage) -> None:
    row = stage.start(batch=2)
    stage.until("mta2", "ordered")

    text = _text(operator, f"/config/rollouts/{row.pk}/")

    assert '<progress max="100" value="33"' in text
    assert "33 %: 2 ordered, 1 passed" in text
    assert 'data-open="ask-pause"' in text
    part = operator.get(f"/config/rollouts/{row.pk}/", headers=PART).content.decode()
    assert "<html" not in part
    assert "mta3" in part
    stage.run()
    text = _text(operator, f"/config/rollouts/{row.pk}/")
    assert "100 %: 3 passed" in text
    assert "data-open=" not in text.partition("subject")[2].partition("</header>")[0]


def test_it_says_why_all_went_back(operator: Client, stage: Stage) -> None:
    stage.outcomes["mta1"] = "turned_back"
    row = stage.start()
    stage.run()

    text = _text(operator, f"/config/rollouts/{row.pk}/")

    assert "mta1: it turned_back" in text
    assert "turned back" in text


@pytest.mark.parametrize(
    ("deed", "phase"), [("pause", "paused"), ("abort", "turning_back")], ids=["pause", "abort"]
)
def test_steered_from_the_page(operator: Client, stage: Stage, deed: str, phase: str) -> None:
    row = stage.start()
    stage.until("mta1", "ordered")

    operator.post(f"/config/rollouts/{row.pk}/steer/", {"deed": deed, "reason": "why not"})

    assert Rollout.objects.get().phase == phase
    assert AuditRecord.objects.filter(action=deed, actor="ola", outcome="done").exists()


def test_what_changes_nothing_is_said(operator: Client, stage: Stage) -> None:
    row = stage.start()

    for deed, sentence in (("resume", "it is not paused"), ("stop", "is nothing to do with it")):
        where = f"/config/rollouts/{row.pk}/steer/"
        answer = operator.post(where, {"deed": deed}, follow=True)
        assert sentence in answer.content.decode()
    assert Rollout.objects.get().phase == "running"


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"revision": "99"}, "r99"),
        ({"revision": "x"}, "revision: write a whole number"),
        ({"canary": "0"}, "canary: write a whole number from 1"),
        ({"pause": "-1"}, "pause: write a whole number from 0"),
        ({"stops": "often"}, "choose one of never, canary, batches"),
    ],
)
def test_a_form_that_makes_no_sense(
    operator: Client, stage: Stage, values: dict[str, str], sentence: str
) -> None:
    answer = operator.post("/config/rollouts/start/", _form(stage, **values), follow=True)

    assert sentence in answer.content.decode()
    assert not Rollout.objects.exists()


def test_who_may(client: Client, stage: Stage) -> None:
    row = stage.start()
    where = f"/config/rollouts/{row.pk}/"
    client.force_login(seeding.user("vera", "viewer", "default"))
    assert "ask-abort" not in _text(client, where)
    assert "ask-start" not in _text(client, "/config/rollouts/")
    assert client.post(f"{where}steer/", {"deed": "abort"}).status_code == 403
    assert client.post("/config/rollouts/start/", _form(stage)).status_code == 403
    assert AuditRecord.objects.filter(outcome="denied", kind="rollout").count() == 2

    client.force_login(seeding.user("otto", "operator", "elsewhere"))
    assert client.get(where).status_code == 404
    assert client.post(f"{where}steer/", {"deed": "abort"}).status_code == 404
    assert client.post("/config/rollouts/start/", _form(stage)).status_code == 404
    assert f"/config/rollouts/{row.pk}/" not in _text(client, "/config/rollouts/")
    client.logout()
    assert client.get(where).status_code == 302


def test_many_are_in_pages(operator: Client, stage: Stage) -> None:
    row = stage.start()
    rollouts.abort(OLGA, row)
    stage.run()
    ended = Rollout.objects.get()
    for _ in range(60):
        ended.pk = None
        ended.save(force_insert=True)

    assert "page 1 of 2" in _text(operator, "/config/rollouts/")
    assert "51\N{EN DASH}61 of 61" in _text(operator, "/config/rollouts/?page=2")


def test_the_mark_that_live_pages_follow_changes_as_it_goes(stage: Stage) -> None:
    seen = [live.mark()]
    stage.start()
    seen.append(live.mark())
    for one in ("ordered", "applied", "passed"):
        stage.until("mta1", one)
        seen.append(live.mark())

    assert len(set(seen)) == len(seen)
    assert live.mark() == seen[-1]
    assert live.mark in feed.marks
