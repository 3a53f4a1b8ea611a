"""Draining and its kin from the node's page: who may, what is audited, what happens if it dies."""

import re

import pytest
from django.test import Client

from cluster_admin.audit.models import AuditRecord
from cluster_admin.inventory import services
from cluster_admin.inventory.models import Node, NodeStatus
from cluster_admin.vips.models import Vip
from tests.web import seeding

pytestmark = pytest.mark.django_db
PATH = "/nodes/mta1/admin-state/"


@pytest.fixture
def made() -> seeding.Seeded:
    return seeding.cluster(3, 6)


def test_an_operator_drains_a_node(client: Client, made: seeding.Seeded) -> None:
    client.force_login(seeding.user("olga", "operator", "default"))

    answer = client.post(PATH, {"state": "draining", "reason": "new disk"}, follow=True)

    assert Node.objects.get(name="mta1").admin_state == "draining"
    assert "mta1 is asked to give its VIPs away" in answer.content.decode()
    record = AuditRecord.objects.get(object="mta1")
    assert (record.actor, record.via, record.reason) == ("olga", "admin", "new disk")
    assert record.after == {"admin_state": "draining"}
    assert services.Subcluster.objects.get().revision == 2


def test_buttons_are_there_for_operators_only(client: Client, made: seeding.Seeded) -> None:
    client.force_login(seeding.user("olga", "operator"))
    assert "ask-draining" in client.get("/nodes/mta1/").content.decode()

    client.force_login(seeding.user("vera", "viewer"))
    assert "ask-draining" not in client.get("/nodes/mta1/").content.decode()


def test_a_viewer_is_denied_and_the_attempt_audited(client: Client, made: seeding.Seeded) -> None:
    client.force_login(seeding.user("vera", "viewer"))

    answer = client.post(PATH, {"state": "draining", "reason": "because"})

    assert answer.status_code == 403
    assert "needs the role operator" in answer.content.decode()
    assert Node.objects.get(name="mta1").admin_state == "enabled"
    record = AuditRecord.objects.get(outcome="denied")
    assert (record.actor, record.object, record.subcluster) == ("vera", "mta1", "default")


def test_who_may_not_see_a_node_cannot_drain_it(client: Client, made: seeding.Seeded) -> None:
    client.force_login(seeding.user("olga", "operator", "elsewhere"))

    assert client.post(PATH, {"state": "draining"}).status_code == 404


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"state": "dead"}, "is no state; choose enabled, draining, maintenance"),
        ({}, "is no state"),
        ({"state": "draining", "reason": "x" * 501}, "500 characters at most"),
        ({"state": "draining", "reason": "two\nlines"}, "not one plain line"),
    ],
)
def test_bad_forms_change_nothing(
    client: Client, made: seeding.Seeded, fields: dict[str, str], sentence: str
) -> None:
    client.force_login(seeding.user("olga", "operator"))

    answer = client.post(PATH, fields, follow=True)

    assert sentence in answer.content.decode()
    assert Node.objects.get(name="mta1").admin_state == "enabled"


def test_without_a_token_of_the_form_nothing_is_done(made: seeding.Seeded) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(seeding.user("olga", "operator"))

    assert client.post(PATH, {"state": "draining"}).status_code == 403
    assert client.get(PATH).status_code == 405


def test_what_happens_if_it_dies_is_told_with_its_age(client: Client, made: seeding.Seeded) -> None:
    client.force_login(seeding.user())

    text = client.get("/nodes/mta1/if-dies/").content.decode()

    assert "2 VIPs would move" in text
    assert "the members mta1, mta2, mta3" in text
    assert "data-ago" in text
    assert text.count("<tr>") == 3


def test_if_nobody_is_left_that_is_said(client: Client, made: seeding.Seeded) -> None:
    NodeStatus.objects.exclude(node__name="mta1").update(verdict="dead")
    Vip.objects.filter(pk=made.vips[0].pk).update(prefer=["mta2"])
    client.force_login(seeding.user())

    assert "2 would be served by nobody" in client.get("/nodes/mta1/if-dies/").content.decode()


def test_drained_nodes_serve_when_no_enabled_one_is_left(
    client: Client, made: seeding.Seeded
) -> None:
    NodeStatus.objects.filter(node__name="mta2").update(verdict="dead")
    Node.objects.filter(name="mta3").update(admin_state="draining")
    NodeStatus.objects.filter(node__name="mta3").update(state="draining")
    client.force_login(seeding.user())

    text = client.get("/nodes/mta1/if-dies/").content.decode()
    assert "<b>2</b> to" in text
    assert "mta3" in text

    NodeStatus.objects.filter(node__name="mta2").update(verdict="alive")
    assert "mta3" not in client.get("/nodes/mta1/if-dies/").content.decode()


def test_where_a_check_fails_a_vip_would_not_go_unless_it_fails_everywhere(
    client: Client, made: seeding.Seeded
) -> None:
    Vip.objects.filter(pk=made.vips[0].pk).update(check_command="tcp:25", prefer=["mta1", "mta2"])
    sick = NodeStatus.objects.filter(node__name="mta2")
    sick.update(unhealthy={"tcp:25": "refused"})
    client.force_login(seeding.user())

    def heir() -> str:
        text = client.get("/nodes/mta1/if-dies/").content.decode()
        found = re.search(r'198\.18\.0\.1</a></th><td><a href="/nodes/(\w+)/"', text)
        return found[1] if found else ""

    assert heir() == "mta3"
    NodeStatus.objects.update(unhealthy={"tcp:25": "refused"})
    assert heir() == "mta2"
    NodeStatus.objects.update(unhealthy={})
    sick.update(refusals={"198.18.0.1": "no room"})
    assert heir() == "mta3"


MOVE = "/vips/198.18.0.1/move/"


def test_an_operator_moves_a_vip(client: Client, made: seeding.Seeded) -> None:
    client.force_login(seeding.user("olga", "operator", "default"))

    answer = client.post(MOVE, {"node": "mta2", "reason": "nearer"}, follow=True)

    assert "198.18.0.1 is asked to move to mta2 (r2)" in answer.content.decode()
    assert Vip.objects.get(pk=made.vips[0].pk).prefer == ["mta2"]
    record = AuditRecord.objects.get(object="198.18.0.1")
    assert (record.actor, record.action, record.reason) == ("olga", "move", "nearer")

    answer = client.post(MOVE, {"node": "-"}, follow=True)
    assert "198.18.0.1 prefers no node now" in answer.content.decode()
    assert Vip.objects.get(pk=made.vips[0].pk).prefer == []


def test_what_cannot_be_moved_stays_and_says_why(client: Client, made: seeding.Seeded) -> None:
    NodeStatus.objects.filter(node__name="mta2").update(verdict="dead")
    client.force_login(seeding.user("olga", "operator"))

    answer = client.post(MOVE, {"node": "mta2"}, follow=True)
    assert "198.18.0.1 stays as it is: mta2 is dead" in answer.content.decode()
    assert AuditRecord.objects.get(outcome="refused").action == "move"

    answer = client.post(MOVE, {}, follow=True)
    assert "choose a node to move it to" in answer.content.decode()
    assert Vip.objects.get(pk=made.vips[0].pk).prefer == []


def test_moving_is_offered_to_operators_and_not_for_followers(
    client: Client, made: seeding.Seeded
) -> None:
    Vip.objects.filter(pk=made.vips[1].pk).update(follow=made.vips[0])
    NodeStatus.objects.filter(node__name="mta3").update(state="joining")
    client.force_login(seeding.user("olga", "operator"))
    text = client.get("/vips/198.18.0.1/").content.decode()
    assert 'data-open="ask-move"' in text
    assert "mta1 (has it now)" in text
    assert "mta3 (joining)" in text
    assert "ask-move" not in client.get("/vips/198.18.0.2/").content.decode()

    client.force_login(seeding.user("vera", "viewer"))
    assert "ask-move" not in client.get("/vips/198.18.0.1/").content.decode()
    assert client.post(MOVE, {"node": "mta2"}).status_code == 403
    assert AuditRecord.objects.get(outcome="denied").action == "move"
