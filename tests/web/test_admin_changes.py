"""Changes through the admin: a revision and an audit record each, or the sentence and nothing."""

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from cluster_admin.audit.models import AuditRecord
from cluster_admin.inventory import repository, services
from cluster_admin.inventory.models import Node, Revision, Segment, Setting, Subcluster, Topology
from cluster_admin.vips.models import Vip
from tests.web.admin_fixtures import ACTOR, Cluster, client_of, make_cluster, make_superuser

pytestmark = pytest.mark.django_db
VIP_ADD = reverse("admin:vips_vip_add")


@pytest.fixture
def cluster() -> Cluster:
    return make_cluster()


@pytest.fixture
def chief(cluster: Cluster) -> Client:
    return client_of(make_superuser())


def vip(subcluster: Subcluster, address: str, **more: Any) -> dict[str, Any]:
    return {"subcluster": subcluster.pk, "address": address, "weight": 1, **more}


def errors_of(response: Any) -> str:
    form = response.context["adminform"].form
    return " ".join(str(one) for errors in form.errors.values() for one in errors)


def test_a_vip_added_gives_a_revision_and_an_audit_record(chief: Client, cluster: Cluster) -> None:
    sent = vip(cluster.default, "198.18.0.109", prefer="default-mta2, default-mta1", reason="more")
    response = chief.post(VIP_ADD, sent)

    assert response.status_code == 302
    assert Vip.objects.get(address="198.18.0.109").prefer == ["default-mta2", "default-mta1"]
    assert Revision.objects.get(subcluster=cluster.default, number=2).comment == "more"
    record = AuditRecord.objects.get(object="198.18.0.109")
    assert (record.actor, record.via, record.action) == ("chief", "admin", "create")
    assert (record.outcome, record.reason, record.source) == ("done", "more", "127.0.0.1")
    told = " ".join(map(str, get_messages(response.wsgi_request)))
    assert "default r2" in told
    assert "198.18.0.109" in told


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"address": "203.0.113.5"}, "in no topology"),
        ({"address": "198.18.0.11"}, "own address"),
        ({"address": "198.18.0.101"}, "already exists"),
        ({"address": "198.18.1.109"}, "in no topology"),
        ({"address": "nonsense"}, "is not an address"),
        ({"prefer": "default-mta9"}, "default-mta9, not defined"),
        ({"prefer": "default-mta1", "follow": "198.18.0.101"}, "contradict each other"),
        ({"follow": "198.18.1.101"}, "not defined"),
        ({"weight": "many"}, "whole number"),
        ({"weight": "-1"}, "greater than or equal to 0"),
        ({"weight": str(10**30)}, "less than or equal to"),
        ({"address": "1" * 1_000_000}, "at most 45 characters"),
        ({"prefer": "x," * 500_000}, "are too many"),
        ({"prefer": "x" * 1_000_000}, "at most"),
        ({"description": "two\nlines"}, "control characters"),
        ({"description": "\0"}, "Null characters"),
        ({"prefer": "a\0b"}, "control characters"),
        ({"reason": "bell\a"}, "control characters"),
        ({"subcluster": "999999"}, "not a subcluster that you may change"),
        ({"subcluster": "x"}, "not a subcluster that you may change"),
        ({"follow": "nonsense"}, "valid choice"),
    ],
)
def test_bad_input_is_refused_with_a_sentence_and_changes_nothing(
    chief: Client, cluster: Cluster, more: dict[str, Any], sentence: str
) -> None:
    sent = vip(cluster.default, "198.18.0.109") | more
    if "." in str(sent.get("follow", "")):
        sent["follow"] = Vip.objects.get(address=sent["follow"]).pk
    response = chief.post(VIP_ADD, sent)

    assert response.status_code == 200
    assert sentence in errors_of(response)
    assert Vip.objects.count() == 4
    assert Revision.objects.count() == 2
    record = AuditRecord.objects.exclude(actor="tester").get()
    assert record.outcome == ("denied" if "may change" in sentence else "refused")
    assert sentence.lower() in record.reason.lower()


def test_a_vip_across_segments_is_refused(chief: Client, cluster: Cluster) -> None:
    Segment.objects.create(name="cellar")
    Node.objects.filter(name="default-mta2").update(segment=Segment.objects.get(name="cellar"))
    response = chief.post(VIP_ADD, vip(cluster.default, "198.18.0.109", prefer="default-mta2"))

    assert "segment" in errors_of(response)
    assert not Vip.objects.filter(address="198.18.0.109").exists()


def test_a_circle_of_followers_is_refused(chief: Client, cluster: Cluster) -> None:
    one, two = Vip.objects.filter(subcluster=cluster.default)
    chief.post(_change(one), {"address": one.address, "weight": 1, "follow": two.pk})
    response = chief.post(_change(two), {"address": two.address, "weight": 1, "follow": one.pk})

    assert "follows itself" in errors_of(response)
    two.refresh_from_db()
    assert two.follow is None


def _change(row: Any) -> str:
    kind = f"{row._meta.app_label}_{row._meta.model_name}"
    return reverse(f"admin:{kind}_change", args=(row.pk,))


def test_what_was_typed_stays_in_a_refused_form(chief: Client, cluster: Cluster) -> None:
    sent = vip(cluster.default, "203.0.113.5", prefer="default-mta1", description="the door")
    page = chief.post(VIP_ADD, sent).content.decode()

    for typed in ("203.0.113.5", "default-mta1", "the door"):
        assert typed in page


def test_a_check_shows_the_difference_and_changes_nothing(chief: Client, cluster: Cluster) -> None:
    sent = vip(cluster.default, "198.18.0.109", description="the door", _check="Check only")
    response = chief.post(VIP_ADD, sent)
    page = response.content.decode()

    assert "+[vip.&quot;198.18.0.109&quot;]" in page
    assert 'value="the door"' in page
    assert response.context["errors"] == []
    assert not Vip.objects.filter(address="198.18.0.109").exists()
    assert Revision.objects.count() == 2
    assert AuditRecord.objects.filter(actor="chief").count() == 0


def test_removing_asks_shows_the_difference_and_removes(chief: Client, cluster: Cluster) -> None:
    row = Vip.objects.get(address="198.18.0.102")
    address = reverse("admin:vips_vip_delete", args=(row.pk,))
    page = chief.get(address).content.decode()
    assert "-[vip.&quot;198.18.0.102&quot;]" in page
    assert Vip.objects.filter(pk=row.pk).exists()

    chief.post(address, {"confirmed": "yes", "reason": "not used"})
    assert not Vip.objects.filter(pk=row.pk).exists()
    record = AuditRecord.objects.get(object="198.18.0.102", action="delete")
    assert (record.reason, record.before["address"]) == ("not used", "198.18.0.102")
    assert "198.18.0.102" not in repository.newest_text(_fresh(cluster.default))


def _fresh(subcluster: Subcluster) -> Subcluster:
    return Subcluster.objects.get(pk=subcluster.pk)


def test_removing_what_others_follow_is_refused(chief: Client, cluster: Cluster) -> None:
    one, two = Vip.objects.filter(subcluster=cluster.default)
    Vip.objects.filter(pk=two.pk).update(follow=one)
    address = reverse("admin:vips_vip_delete", args=(one.pk,))

    assert (
        "still used by VIP 198.18.0.102" in chief.post(address, {"confirmed": "1"}).content.decode()
    )
    assert Vip.objects.filter(pk=one.pk).exists()
    assert AuditRecord.objects.get(outcome="refused").object == "198.18.0.101"


def test_vips_of_two_subclusters_are_removed_together(chief: Client, cluster: Cluster) -> None:
    one, two = Vip.objects.filter(subcluster=cluster.default)
    Vip.objects.filter(pk=two.pk).update(follow=one)
    chosen = [one.pk, two.pk, Vip.objects.get(address="198.18.1.101").pk]
    sent = {"action": "remove", "_selected_action": chosen, "select_across": "0"}
    page = chief.post(reverse("admin:vips_vip_changelist"), sent | {"index": "0"}).content.decode()
    assert "Subcluster default" in page
    assert "Subcluster staging" in page

    chief.post(reverse("admin:vips_vip_changelist"), sent | {"confirmed": "Remove"})
    assert [str(row) for row in Vip.objects.all()] == ["198.18.1.102"]
    assert (_fresh(cluster.default).revision, _fresh(cluster.staging).revision) == (2, 2)


@pytest.mark.parametrize(
    ("wish", "state"),
    [("drain", "draining"), ("maintenance", "maintenance"), ("undrain", "enabled")],
)
def test_nodes_are_drained_after_a_question(
    chief: Client, cluster: Cluster, wish: str, state: str
) -> None:
    services.set_admin_state(Node.objects.get(name="default-mta1"), "draining", ACTOR)
    nodes = Node.objects.filter(subcluster=cluster.default)
    sent = {"action": wish, "_selected_action": [one.pk for one in nodes]}
    page = chief.post(reverse("admin:inventory_node_changelist"), sent | {"index": "0"})
    assert "confirmed" in page.content.decode()
    assert {one.admin_state for one in nodes.all()} == {"draining", "enabled"}

    sent |= {"confirmed": "yes", "reason": "kernel"}
    chief.post(reverse("admin:inventory_node_changelist"), sent)
    assert {one.admin_state for one in nodes.all()} == {state}
    assert _fresh(cluster.default).revision == 3
    assert {one.reason for one in AuditRecord.objects.filter(kind="node", actor="chief")} == {
        "kernel"
    }


def test_one_node_is_drained_from_its_page(chief: Client, cluster: Cluster) -> None:
    node = Node.objects.get(name="default-mta1")
    address = reverse("admin:inventory_node_wish", args=(node.pk, "drain"))
    assert address in chief.get(_change(node)).content.decode()

    chief.post(address, {"confirmed": "yes"})
    node.refresh_from_db()
    assert node.admin_state == "draining"
    assert chief.get(address.replace("drain", "explode")).status_code == 404


def test_a_node_has_pairs_and_a_topology_has_lines(chief: Client, cluster: Cluster) -> None:
    node = Node.objects.get(name="default-mta1")
    sent = {"name": node.name, "address": node.address, "ring_port": 7411, "weight": 1}
    sent |= {"admin_state": "enabled", "interfaces": "198.18.0.0/24 = eth1"}
    assert chief.post(_change(node), sent).status_code == 302
    node.refresh_from_db()
    assert node.interfaces == {"198.18.0.0/24": "eth1"}
    wrong = chief.post(_change(node), sent | {"interfaces": "eth1"})
    assert "is no pair" in errors_of(wrong)

    topology = Topology.objects.get(subcluster=cluster.default)
    sent = {"cidr": topology.cidr, "interface": "eth0", "witnesses": "198.18.0.1\n198.18.0.2"}
    assert chief.post(_change(topology), sent).status_code == 302
    topology.refresh_from_db()
    assert topology.witnesses == ["198.18.0.1", "198.18.0.2"]


def test_settings_are_one_form_with_defaults(chief: Client, cluster: Cluster) -> None:
    address = _change(cluster.default)
    page = chief.get(address).content.decode()
    assert "0.05 to 10 seconds; default 0.2" in page
    assert 'name="knob_probe_count" value="4"' in page

    sent = {"description": "", "knob_heartbeat_interval": "0.4", "knob_lease_ttl": "5"}
    assert chief.post(address, sent).status_code == 302
    found = dict(Setting.objects.filter(subcluster=cluster.default).values_list("name", "value"))
    assert found == {"heartbeat_interval": 0.4, "lease_ttl": 5}
    assert _fresh(cluster.default).revision == 2


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({"knob_heartbeat_interval": "11"}, "write 0.05 to 10 seconds"),
        ({"knob_heartbeat_interval": "nan"}, "write 0.05 to 10 seconds"),
        ({"knob_probe_count": "1.5"}, "write 1 to 20"),
        ({"knob_partition_policy": "both"}, "valid choice"),
        ({"knob_dead_after": "0.2"}, "under two heartbeat intervals"),
        ({"knob_lease_ttl": "1"}, "lease_ttl is 1 s"),
    ],
)
def test_settings_that_cannot_be_are_refused(
    chief: Client, cluster: Cluster, sent: dict[str, str], sentence: str
) -> None:
    response = chief.post(_change(cluster.default), {"description": "", **sent})

    assert sentence in errors_of(response)
    (field,) = sent
    assert field in response.context["adminform"].form.errors
    assert _fresh(cluster.default).revision == 1


def test_a_subcluster_is_made_and_only_an_empty_one_goes(chief: Client, cluster: Cluster) -> None:
    add = reverse("admin:inventory_subcluster_add")
    assert chief.post(add, {"name": "edge", "knob_probe_count": "5"}).status_code == 302
    edge = Subcluster.objects.get(name="edge")
    assert edge.revision == 1
    for name in ("Two Words", "edge", "x" * 1_000_000, ""):
        assert errors_of(chief.post(add, {"name": name}))
    assert errors_of(chief.post(add, {"name": "far", "knob_lease_ttl": "1"}))
    assert Subcluster.objects.count() == 3

    full = reverse("admin:inventory_subcluster_delete", args=(cluster.default.pk,))
    assert "still used by" in chief.post(full, {"confirmed": "1"}).content.decode()
    empty = reverse("admin:inventory_subcluster_delete", args=(edge.pk,))
    assert chief.post(empty, {"confirmed": "1"}).status_code == 302
    assert [row.name for row in Subcluster.objects.all()] == ["default", "staging"]


def test_a_segment_in_use_stays(chief: Client, cluster: Cluster) -> None:
    hall = Segment.objects.get(name="hall")
    address = reverse("admin:inventory_segment_delete", args=(hall.pk,))
    assert "still used by" in chief.post(address, {"confirmed": "1"}).content.decode()

    chief.post(reverse("admin:inventory_segment_add"), {"name": "attic", "reason": "new"})
    attic = Segment.objects.get(name="attic")
    chief.post(reverse("admin:inventory_segment_delete", args=(attic.pk,)), {"confirmed": "1"})
    assert [row.name for row in Segment.objects.all()] == ["hall"]
    assert AuditRecord.objects.filter(kind="segment", object="attic").count() == 2
