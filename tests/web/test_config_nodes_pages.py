"""The configuration on the nodes: states, applications, drift, put and apply again."""

import re

import pytest
from django.test import Client

from cluster_admin.audit.models import AuditRecord
from cluster_admin.configs.models import Deployment, Edit, Replica
from cluster_admin.configs.store import repository
from cluster_admin.inventory.models import Subcluster
from tests.web import config_seeding, seeding
from tests.web.test_config_edits import COMMIT, hidden, send, text_of

pytestmark = pytest.mark.django_db
FILE = "default/default/x"


@pytest.fixture
def operator(client: Client) -> Client:
    config_seeding.defined()
    config_seeding.commit({FILE: "a\nas b\n"}, "Begin")
    client.force_login(seeding.user("olga", "operator", "default"))
    return client


def badges(client: Client, node: str) -> list[str]:
    text = text_of(client.get(f"/config/nodes/{node}/"))
    badges_of_node = text.partition('<span class="badges">')[2].partition("</h")[0]
    return re.findall(r"</svg>([^<]+)</span>", badges_of_node.partition('class="actions"')[0])


def test_every_state_has_a_word(operator: Client) -> None:
    assert badges(operator, "mta1") == ["unknown"]

    config_seeding.stand("mta1", 2)
    assert badges(operator, "mta1") == ["runs it"]
    config_seeding.stand("mta1", 1)
    assert badges(operator, "mta1") == ["behind"]
    config_seeding.stand("mta1", 1, busy=True)
    assert badges(operator, "mta1") == ["applying"]
    config_seeding.stand("mta1", 1, busy=False, ago=600, drift_count=3)
    assert badges(operator, "mta1") == ["silent", "behind", "edited"]
    config_seeding.stand("mta1", 2, drift_count=0, trouble="its disk is full: make room")
    assert badges(operator, "mta1") == ["troubled", "runs it"]
    assert "its disk is full" in text_of(operator.get("/config/nodes/mta1/"))
    config_seeding.stand("mta1", 1, trouble="")
    for outcome, word in (
        *(("kept", "failed"), ("turned_back", "failed"), ("refused", "waits")),
        ("stranded", "stranded"),
    ):
        config_seeding.stand("mta1", 1, drift_count=0)
        config_seeding.applied("mta1", 2, outcome, sentence=f"it is {outcome}")
        assert badges(operator, "mta1")[0] == word
        assert f"it is {outcome}" in text_of(operator.get("/config/nodes/mta1/"))


def test_nodes_are_filtered_by_state_and_name(operator: Client) -> None:
    config_seeding.stand("mta1", 2)
    config_seeding.stand("mta2", 1)

    def shown(query: str) -> list[str]:
        text = text_of(operator.get(f"/config/nodes/?{query}"))
        return re.findall(r'<tr id="node-(\w+)"', text)

    assert shown("") == ["mta1", "mta2", "mta3"]
    assert shown("state=behind") == ["mta2"]
    assert shown("state=unknown") == ["mta3"]
    assert shown("q=ta2") == ["mta2"]
    assert shown("subcluster=other") == []


def test_what_a_subcluster_shall_run_is_said(operator: Client) -> None:
    assert "each commit is deployed at once" in text_of(operator.get("/config/nodes/"))

    home = Subcluster.objects.get(name="default")
    Deployment.objects.create(subcluster=home, revision=1, mode="manual")

    text = text_of(operator.get("/config/nodes/"))
    assert "shall run r1" in text
    assert "deployed by hand" in text


def test_a_failed_step_and_its_output_are_shown_as_text(operator: Client) -> None:
    config_seeding.stand("mta1", 1)
    config_seeding.applied(
        "mta1", 2, "kept", step="validate", sentence="no", output="[validate]\n<b>fatal</b>"
    )

    text = text_of(operator.get("/config/nodes/mta1/"))

    assert "What <b>validate</b> said at r2" in text
    assert "&lt;b&gt;fatal&lt;/b&gt;" in text


def test_edits_are_shown_line_by_line_and_the_rest_by_name(operator: Client) -> None:
    config_seeding.stand("mta1", 2)
    config_seeding.edit("mta1", "x", b"a\nas B\n", 2)
    drift = [*Replica.objects.get(node="mta1").drift, {"path": "huge", "kind": "changed"}]
    Replica.objects.update(drift=drift, drift_count=2)

    text = text_of(operator.get("/config/nodes/mta1/drift/"))

    assert "<mark>b</mark>" in text
    assert "<mark>B</mark>" in text
    assert '<span class="mono">huge</span>' in text
    assert "Nothing was edited" in text_of(operator.get("/config/nodes/mta2/drift/"))


def test_the_secrets_of_an_edited_file_are_not_shown(operator: Client) -> None:
    config_seeding.commit({"default/default/p.j2": '{{ secret("password") }}\n'}, "Secret")
    config_seeding.stand("mta1", 3)
    config_seeding.edit("mta1", "p", b"hunter2\n", 3)

    text = text_of(operator.get("/config/nodes/mta1/drift/"))

    assert "hunter2" not in text
    assert '<span class="mono">p</span>' in text


def test_edits_are_put_after_a_preview(operator: Client) -> None:
    config_seeding.stand("mta1", 2)
    config_seeding.edit("mta1", "x", b"a\nB\n", 2)
    assert 'data-open="ask-put"' in text_of(operator.get("/config/nodes/mta1/"))

    review = send(operator, "/config/nodes/mta1/put/", {})

    assert 'data-path="default/mta1/x"' in review
    send(operator, COMMIT, hidden(review) | {"message": "Keep it"}, 302)
    assert repository().read(3, "default/mta1/x") == b"a\nB\n"


def test_an_edited_file_that_holds_a_secret_is_not_put(operator: Client) -> None:
    config_seeding.commit({"default/default/p.j2": '{{ secret("password") }}\n'}, "Secret")
    config_seeding.stand("mta1", 3)
    config_seeding.edit("mta1", "p", b"hunter2\n", 3)

    answer = operator.post("/config/nodes/mta1/put/", follow=True)

    assert "holds a secret" in text_of(answer)
    assert "hunter2" not in text_of(answer)


def test_what_others_changed_under_an_edit_is_told_and_nothing_put(operator: Client) -> None:
    config_seeding.stand("mta1", 2)
    config_seeding.edit("mta1", "x", b"a\nB\n", 2)
    config_seeding.commit({FILE: "others\n"}, "Others")

    answer = operator.post("/config/nodes/mta1/put/", follow=True)

    assert "Nothing was put" in text_of(answer)
    assert "has been changed since" in text_of(answer)
    assert config_seeding.newest() == 3


def test_without_edits_there_is_nothing_to_put(operator: Client) -> None:
    assert operator.post("/config/nodes/mta1/put/").status_code == 404

    config_seeding.stand("mta1", 2)
    answer = operator.post("/config/nodes/mta1/put/", follow=True)
    assert "has told no edits that can be put" in text_of(answer)
    assert 'data-open="ask-put"' not in text_of(operator.get("/config/nodes/mta1/"))


def test_tasks_that_nobody_signed_need_a_look(operator: Client) -> None:
    config_seeding.stand("mta1", 2)
    Replica.objects.update(refused=7)

    text = text_of(operator.get("/config/nodes/mta1/"))

    assert "tasks refused since no manager had signed them: 7" in text


def test_applying_again_is_the_operators_and_audited(operator: Client) -> None:
    fields = {"revision": "2", "over_edits": "1", "reason": "a try"}
    config_seeding.stand("mta1", 2)

    answer = operator.post("/config/nodes/mta1/apply/", fields, follow=True)
    assert "cannot be told" in text_of(answer)
    assert Replica.objects.get(node="mta1").wish == 0
    assert AuditRecord.objects.filter(action="apply", object="mta1").exists()
    answer = operator.post("/config/nodes/mta1/apply/", {"revision": "none"}, follow=True)
    assert "say which revision" in text_of(answer)

    operator.force_login(seeding.user("vera", "viewer"))
    assert operator.post("/config/nodes/mta1/apply/", fields).status_code == 403
    text = text_of(operator.get("/config/nodes/mta1/"))
    assert "ask-apply" not in text
    config_seeding.stand("mta1", 2)
    config_seeding.edit("mta1", "x", b"B\n", 2)
    assert operator.post("/config/nodes/mta1/put/").status_code == 403
    assert Edit.objects.count() == 1
