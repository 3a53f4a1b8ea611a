"""Who sees and changes what in the admin: roles per subcluster, and denied attempts on record."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from cluster_admin.accounts.roles import Role
from cluster_admin.audit import services
from cluster_admin.audit.actor import Actor
from cluster_admin.audit.models import AuditRecord
from cluster_admin.inventory.models import Node, Subcluster, Topology
from cluster_admin.vips.models import Vip
from tests.web.admin_fixtures import Cluster, client_of, make_cluster, make_user

pytestmark = pytest.mark.django_db
NODES = reverse("admin:inventory_node_changelist")
VIPS = reverse("admin:vips_vip_changelist")
VIP_ADD = reverse("admin:vips_vip_add")


@pytest.fixture
def cluster() -> Cluster:
    return make_cluster()


def browser(role: Role | None, subcluster: str = "default") -> Client:
    return client_of(make_user("somebody", role, subcluster))


def rows_of(client: Client, address: str) -> set[str]:
    return {str(row) for row in client.get(address).context["cl"].result_list}


def page_of(row: Any, page: str = "change") -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{page}", args=(row.pk,))


def denied() -> list[str]:
    return [f"{one.action} {one.kind}" for one in AuditRecord.objects.filter(outcome="denied")]


def vip(subcluster: Subcluster, address: str) -> dict[str, Any]:
    return {"subcluster": subcluster.pk, "address": address, "weight": 1}


def test_somebody_without_a_role_sees_nothing(cluster: Cluster) -> None:
    client = browser(None)

    assert client.get(reverse("admin:index")).context["app_list"] == []
    assert client.get(NODES).status_code == 403
    assert denied() == ["view node"]


def test_a_viewer_reads_their_subcluster_and_changes_nothing(cluster: Cluster) -> None:
    client = browser(Role.VIEWER)
    node, row = Node.objects.get(name="default-mta1"), Vip.objects.get(address="198.18.0.101")

    assert rows_of(client, NODES) == {"default-mta1", "default-mta2"}
    assert rows_of(client, VIPS) == {"198.18.0.101", "198.18.0.102"}
    assert client.get(page_of(node)).status_code == 200
    services.record(
        Actor("somebody", "192.0.2.77", "laptop"),
        "update",
        kind="VIP",
        object=row.address,
        subcluster="default",
    )
    history = client.get(page_of(row, "history")).content.decode()
    assert "somebody" in history
    assert "192.0.2.77" not in history
    assert "laptop" not in history
    assert client.post(page_of(row), {"address": row.address, "weight": 9}).status_code == 403
    assert client.get(page_of(row, "delete")).status_code == 403
    assert client.get(VIP_ADD).status_code == 403
    drain = reverse("admin:inventory_node_wish", args=(node.pk, "drain"))
    assert client.post(drain, {"confirmed": "1"}).status_code == 403
    assert denied() == ["drain node", "view VIP", "view VIP", "update VIP"]
    row.refresh_from_db()
    assert row.weight == 1


def test_rows_of_others_do_not_exist_and_asking_is_on_record(cluster: Cluster) -> None:
    client = browser(Role.ADMIN)
    foreign = Vip.objects.get(address="198.18.1.101")

    for address in (page_of(foreign), page_of(foreign, "delete"), page_of(foreign, "history")):
        assert client.get(address).status_code == 302
    assert client.post(page_of(foreign, "delete"), {"confirmed": "1"}).status_code == 302
    assert denied() == ["view VIP"]
    assert AuditRecord.objects.get(outcome="denied").count == 4
    assert Vip.objects.filter(pk=foreign.pk).exists()


def test_an_operator_changes_vips_and_drains_but_defines_no_nodes(cluster: Cluster) -> None:
    client = browser(Role.OPERATOR)
    node = Node.objects.get(name="default-mta1")

    assert client.post(VIP_ADD, vip(cluster.default, "198.18.0.109")).status_code == 302
    sent = {"action": "drain", "_selected_action": [node.pk], "confirmed": "1"}
    client.post(NODES, sent)
    node.refresh_from_db()
    assert node.admin_state == "draining"
    assert client.post(page_of(node), {"name": "x"}).status_code == 403
    assert client.get(reverse("admin:inventory_topology_add")).status_code == 403
    assert client.post(page_of(cluster.default), {"knob_probe_count": "5"}).status_code == 403


def test_an_operator_adds_no_vip_elsewhere(cluster: Cluster) -> None:
    client = browser(Role.OPERATOR)
    response = client.post(VIP_ADD, vip(cluster.staging, "198.18.1.109"))

    assert "not a subcluster that you may change" in response.content.decode()
    assert denied() == ["create VIP"]
    assert not Vip.objects.filter(address="198.18.1.109").exists()


def test_roles_differ_from_subcluster_to_subcluster(cluster: Cluster) -> None:
    user = make_user("somebody", Role.VIEWER, "default")
    user.grants.create(role=Role.ADMIN, subcluster="staging")
    client = client_of(user)

    assert len(rows_of(client, NODES)) == 4
    chosen = [node.pk for node in Node.objects.all()]
    sent = {"action": "drain", "_selected_action": chosen, "confirmed": "1"}
    assert client.post(NODES, sent).status_code == 403
    assert set(Node.objects.values_list("admin_state", flat=True)) == {"enabled"}
    assert denied() == ["drain node"]


def test_the_admin_of_a_subcluster_sets_it_up_but_makes_none(cluster: Cluster) -> None:
    client = browser(Role.ADMIN)
    sent = {"description": "", "knob_probe_count": "5"}

    assert client.post(page_of(cluster.default), sent).status_code == 302
    topology = Topology.objects.get(subcluster=cluster.default)
    sent = {"cidr": topology.cidr, "interface": "eth9"}
    assert client.post(page_of(topology), sent).status_code == 302
    assert client.get(reverse("admin:inventory_subcluster_add")).status_code == 403
    assert client.get(page_of(cluster.default, "delete")).status_code == 403
    assert client.get(reverse("admin:inventory_segment_add")).status_code == 403
    assert client.get(reverse("admin:audit_auditrecord_changelist")).status_code == 403
    assert client.get(reverse("admin:accounts_user_changelist")).status_code == 403


def test_the_admin_of_every_subcluster_does_all_that(cluster: Cluster) -> None:
    client = browser(Role.ADMIN, "")

    for name in (
        *("inventory_subcluster_add", "inventory_segment_add", "audit_auditrecord_changelist"),
        *("accounts_user_changelist", "accounts_grant_add", "accounts_user_add"),
    ):
        assert client.get(reverse(f"admin:{name}")).status_code == 200, name


def test_choices_offered_are_ones_own(cluster: Cluster) -> None:
    client = browser(Role.VIEWER)
    page = client.get(VIPS).content.decode()
    assert "staging" not in page

    sent = {"app_label": "vips", "model_name": "vip", "field_name": "follow"}
    found = client.get(reverse("admin:autocomplete"), sent).json()["results"]
    assert {one["text"] for one in found} == {"198.18.0.101", "198.18.0.102"}


def test_no_form_tells_of_rows_of_others(cluster: Cluster) -> None:
    client = browser(Role.OPERATOR)
    foreign = Vip.objects.get(address="198.18.1.101")

    page = client.get(VIP_ADD, {"follow": foreign.pk})
    sent = {**vip(cluster.default, "198.18.0.109"), "follow": foreign.pk}
    refused = client.post(VIP_ADD, sent)

    assert "follow" in refused.context["adminform"].form.errors
    assert foreign.address not in page.content.decode() + refused.content.decode()


def test_who_may_not_open_the_admin_is_sent_to_the_login(cluster: Cluster) -> None:
    user = make_user("somebody", Role.ADMIN)
    user.is_staff = False
    user.save()

    assert client_of(user).get(NODES).status_code == 302
